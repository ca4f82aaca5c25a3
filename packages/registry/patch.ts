import type { RegistryCore } from './core.ts';
import type { PatchOptions, RequestBody, RequestScope, WriteResult } from './registry.ts';

export async function patch(_core: RegistryCore, _scope: RequestScope, _body: RequestBody, _options: PatchOptions): Promise<WriteResult> {
  throw new Error('not yet');
}
