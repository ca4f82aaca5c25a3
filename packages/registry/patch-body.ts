import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { BodyRules, ExpectedKind } from './body-decoder.ts';
import type { PatchType, RequestBody } from './registry.ts';

export type Patcher = (current: Readonly<UnknownObject>) => UnknownObject;

export function createPatcher(_body: RequestBody, _type: Exclude<PatchType, 'apply'>, _expected: ExpectedKind, _rules: BodyRules): Patcher {
  throw new Error('not yet');
}
