import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { RegistryCore } from './core.ts';
import { noSuchResource } from './endpoint.ts';
import { getEntry } from './read.ts';
import type { ConnectTarget, RequestScope } from './registry.ts';
import { objectOf } from './stored-value.ts';
import { admissionAttributes } from './write-request.ts';

/** log, exec, attach, portforward and proxy: finds what is to be reached and lets admission (CONNECT) have its say. */
export async function connect(
  core: RegistryCore,
  scope: RequestScope,
  options: Readonly<UnknownObject>,
): Promise<ConnectTarget> {
  const endpoint = core.endpoints.of(scope);
  if (!endpoint.served.subresources.has(scope.subresource)) throw noSuchResource();
  // a log is read, not connected to
  if (scope.subresource !== 'log') {
    const attributes = admissionAttributes(
      { scope, endpoint, dryRun: false, warn: (text) => scope.warn(text) },
      'CONNECT',
      options as UnknownObject,
      undefined,
      options,
    );
    await core.admission.admit(attributes);
    await core.admission.validate(() => attributes);
  }
  const entry = await getEntry(core, scope, endpoint);
  return { resource: endpoint.served, object: objectOf(entry.value) };
}
