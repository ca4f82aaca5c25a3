/** Requests as plugins see them, and a cluster for them to read. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { ApiError } from '@nodeless/apimachinery/status';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionReader } from '@nodeless/registry/admission/admission';

export interface TestAttributes extends AdmissionAttributes {
  readonly warnings: string[];
  readonly annotations: Record<string, string>;
}

/** `attributes('pods', pod)`, `attributes('apps/deployments', deployment, { operation: 'UPDATE', oldObject })`. Namespace `default` unless said. */
export function attributes(
  resource: string,
  object: object | undefined,
  more: Partial<AdmissionAttributes> = {},
): TestAttributes {
  const [group, plural] = resource.includes('/') ? (resource.split('/') as [string, string]) : ['', resource];
  const warnings: string[] = [];
  const annotations: Record<string, string> = {};
  const { metadata, kind = '' } = (object ?? more.oldObject ?? {}) as UnknownObject;
  return {
    operation: 'CREATE',
    resource: { group, version: 'v1', resource: plural },
    kind: { group, version: 'v1', kind },
    subresource: '',
    namespace: 'default',
    name: metadata?.name ?? '',
    object: object as UnknownObject | undefined,
    oldObject: undefined,
    options: undefined,
    user: { name: 'tester', groups: ['system:authenticated'] },
    dryRun: false,
    warn: (text) => void warnings.push(text),
    annotate: (key, value) => void (annotations[key] = value),
    warnings,
    annotations,
    ...more,
  };
}

/** Objects by resource: `{ namespaces: [...], 'scheduling.k8s.io/priorityclasses': [...] }`. */
export function reader(objects: Readonly<Record<string, readonly object[]>> = {}): AdmissionReader {
  const of = (group: string, resource: string): readonly UnknownObject[] =>
    (objects[group === '' ? resource : `${group}/${resource}`] ?? []) as readonly UnknownObject[];
  return {
    get: async (group, resource, namespace, name) =>
      of(group, resource).find((o) => o.metadata?.name === name && (o.metadata.namespace ?? '') === namespace),
    list: async (group, resource, namespace) =>
      of(group, resource).filter((o) => namespace === undefined || o.metadata?.namespace === namespace),
  };
}

/** Runs both calls of a plugin; the text of its refusal, or undefined. */
export async function ask(
  plugin: AdmissionPlugin,
  request: AdmissionAttributes,
  read: AdmissionReader = reader(),
): Promise<string | undefined> {
  if (!plugin.handles(request)) return undefined;
  try {
    await plugin.admit?.(request, read);
    await plugin.validate?.(request, read);
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
}
