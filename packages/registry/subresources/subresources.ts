import type { RegistryCore } from '../core.ts';
import type { Encoded, PatchOptions, RequestBody, RequestScope, WriteResult } from '../registry.ts';
import { createBinding } from './binding.ts';
import { createEviction } from './eviction.ts';
import { createScale } from './scale.ts';
import { type TokenIssuer, createToken } from './token.ts';

export type { TokenIssuer } from './token.ts';

/** A subresource that takes and gives a kind of its own. What it has no method for answers 405. */
export interface SubresourceHandler {
  get?(scope: RequestScope): Promise<Encoded>;
  create?(scope: RequestScope, body: RequestBody): Promise<WriteResult>;
  update?(scope: RequestScope, body: RequestBody): Promise<WriteResult>;
  patch?(scope: RequestScope, body: RequestBody, options: PatchOptions): Promise<WriteResult>;
}

export function createSubresources(
  core: RegistryCore,
  tokens: TokenIssuer | undefined,
): ReadonlyMap<string, SubresourceHandler> {
  return new Map([
    ['binding', createBinding(core)],
    ['eviction', createEviction(core)],
    ['scale', createScale(core)],
    ['token', createToken(core, tokens)],
  ]);
}
