/** Submitting manifests over HTTP, by server-side apply: what `apply` and `up -f` do. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { ResourceType } from '@nodeless/client/client';
import type { HttpClient } from '@nodeless/client/http-client';
import type { Manifest } from './manifests.ts';
import { UserError } from './output.ts';
import type { ResourceNames } from './resource-names.ts';

export interface Submitted {
  readonly type: ResourceType<UnknownObject>;
  readonly object: UnknownObject;
  readonly outcome: 'created' | 'configured' | 'unchanged';
}

/** Kinds that others need first; the rest keeps its order. */
const first = [
  'Namespace',
  'CustomResourceDefinition',
  'ServiceAccount',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'ConfigMap',
  'Secret',
];

export async function submit(
  client: HttpClient,
  names: ResourceNames,
  manifests: readonly Manifest[],
  namespace: string,
  force: boolean,
): Promise<Submitted[]> {
  const rank = ({ object }: Manifest): number =>
    (first.indexOf(object.kind ?? '') + first.length + 1) % (first.length + 1);
  const submitted: Submitted[] = [];
  for (const manifest of manifests.toSorted((a, b) => rank(a) - rank(b)))
    submitted.push(await submitOne(client, names, manifest, namespace, force));
  return submitted;
}

async function submitOne(
  client: HttpClient,
  names: ResourceNames,
  { object, source }: Manifest,
  defaultNamespace: string,
  force: boolean,
): Promise<Submitted> {
  const type = names.ofKind(object.apiVersion ?? '', object.kind ?? '');
  if (!type)
    throw new UserError(
      `${source}: no matches for kind ${JSON.stringify(object.kind)} in version ${JSON.stringify(object.apiVersion)}`,
    );
  const namespace = type.namespaced ? (object.metadata?.namespace ?? defaultNamespace) : undefined;
  const wanted: UnknownObject = { ...object, metadata: { ...object.metadata, ...(namespace ? { namespace } : {}) } };
  const { name, generateName } = wanted.metadata ?? {};
  if (!name && generateName)
    return { type, object: await client.create(type, wanted, { fieldManager: 'nodeless' }), outcome: 'created' };
  if (!name) throw new UserError(`${source}: metadata.name must be set`);
  const before = await client.get(type, { namespace, name }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  const after = await client.apply(type, wanted, { fieldManager: 'nodeless', force });
  const outcome = !before
    ? 'created'
    : before.metadata?.resourceVersion === after.metadata?.resourceVersion
      ? 'unchanged'
      : 'configured';
  return { type, object: after, outcome };
}
