/** Brings the cluster's RBAC objects up to the bootstrap policy without taking away what administrators added. */
import type {
  AggregationRule,
  ClusterRoleBinding,
  PolicyRule,
  Subject,
} from '@nodeless/apimachinery/generated/types/rbac/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { isAlreadyExists } from '@nodeless/apimachinery/status';
import type { Client, ResourceType } from '@nodeless/client/client';
import { isDeepStrictEqual } from 'node:util';
import { type BootstrapPolicy, autoUpdateAnnotation, bootstrapPolicy, rbacGroup } from './bootstrap-policy.ts';
import { uncoveredRules } from './rule-coverage.ts';

/** A Role, ClusterRole, RoleBinding or ClusterRoleBinding. */
type RbacObject = KubernetesObject & {
  rules?: PolicyRule[];
  aggregationRule?: AggregationRule;
  subjects?: Subject[];
  roleRef?: ClusterRoleBinding['roleRef'];
};

export type PolicyAction =
  | { readonly type: 'none' }
  | { readonly type: 'create' | 'update'; readonly object: RbacObject }
  /** A binding's role cannot be changed: delete, then create. */
  | { readonly type: 'recreate'; readonly object: RbacObject };

/** What to do about one object of the policy. An object with the annotation autoupdate 'false' is left alone. */
export function planPolicy(expected: Readonly<RbacObject>, existing: Readonly<RbacObject> | undefined): PolicyAction {
  if (!existing) return { type: 'create', object: expected };
  if (existing.metadata?.annotations?.[autoUpdateAnnotation] === 'false') return { type: 'none' };
  if (expected.roleRef && !isDeepStrictEqual({ ...expected.roleRef }, { ...existing.roleRef })) {
    return { type: 'recreate', object: expected };
  }
  const object: RbacObject = {
    ...existing,
    metadata: {
      ...existing.metadata,
      labels: { ...expected.metadata?.labels, ...existing.metadata?.labels },
      annotations: { ...expected.metadata?.annotations, ...existing.metadata?.annotations },
    },
  };
  const missingRules = uncoveredRules(existing.rules ?? [], expected.rules ?? []);
  const missingSubjects = (expected.subjects ?? []).filter((s) => !existing.subjects?.some((e) => sameSubject(e, s)));
  if (missingRules.length > 0) object.rules = [...(existing.rules ?? []), ...missingRules];
  if (missingSubjects.length > 0) object.subjects = [...(existing.subjects ?? []), ...missingSubjects];
  const aggregationChanges = reconcileAggregation(object, expected.aggregationRule);
  const metadataChanges =
    Object.keys(object.metadata?.labels ?? {}).length !== Object.keys(existing.metadata?.labels ?? {}).length ||
    Object.keys(object.metadata?.annotations ?? {}).length !== Object.keys(existing.metadata?.annotations ?? {}).length;
  const changes = missingRules.length > 0 || missingSubjects.length > 0 || aggregationChanges || metadataChanges;
  return changes ? { type: 'update', object } : { type: 'none' };
}

function reconcileAggregation(object: RbacObject, expected: AggregationRule | undefined): boolean {
  if (!expected) {
    const had = object.aggregationRule !== undefined;
    delete object.aggregationRule;
    return had;
  }
  const current = object.aggregationRule?.clusterRoleSelectors ?? [];
  const missing = (expected.clusterRoleSelectors ?? []).filter(
    (s) => !current.some((c) => isDeepStrictEqual({ ...c }, { ...s })),
  );
  if (missing.length === 0) return false;
  object.aggregationRule = { clusterRoleSelectors: [...current, ...missing] };
  return true;
}

const sameSubject = (a: Subject, b: Subject): boolean =>
  a.kind === b.kind &&
  a.name === b.name &&
  (a.namespace ?? '') === (b.namespace ?? '') &&
  (a.apiGroup ?? '') === (b.apiGroup ?? '');

const type = (resource: string, kind: string, namespaced: boolean): ResourceType<RbacObject> => ({
  group: rbacGroup,
  version: 'v1',
  resource,
  kind,
  namespaced,
});
const namespaces: ResourceType<KubernetesObject> = {
  group: '',
  version: 'v1',
  resource: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

/** Runs at every start, as a member of system:masters. Safe to run twice at once and to repeat after a failure. */
export async function reconcilePolicy(client: Client, policy: BootstrapPolicy = bootstrapPolicy()): Promise<void> {
  await Promise.all([
    reconcileAll(client, type('clusterroles', 'ClusterRole', false), policy.clusterRoles),
    reconcileAll(client, type('clusterrolebindings', 'ClusterRoleBinding', false), policy.clusterRoleBindings),
    ensureNamespaces(client, [...policy.roles, ...policy.roleBindings]).then(() =>
      Promise.all([
        reconcileAll(client, type('roles', 'Role', true), policy.roles),
        reconcileAll(client, type('rolebindings', 'RoleBinding', true), policy.roleBindings),
      ]),
    ),
  ]);
}

async function reconcileAll(
  client: Client,
  of: ResourceType<RbacObject>,
  wanted: readonly RbacObject[],
): Promise<void> {
  const keyOf = (object: RbacObject): string => `${object.metadata?.namespace ?? ''}/${object.metadata?.name}`;
  const existing = new Map((await client.list(of)).items.map((object) => [keyOf(object), object]));
  // One that cannot be made must not keep the others from being made.
  const outcomes = await Promise.allSettled(
    wanted.map((object) => act(client, of, planPolicy(object, existing.get(keyOf(object))))),
  );
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure) throw failure.reason;
}

async function act(client: Client, of: ResourceType<RbacObject>, action: PolicyAction): Promise<void> {
  if (action.type === 'none') return;
  if (action.type === 'update') {
    await client.update(of, action.object);
    return;
  }
  const { name = '', namespace = '' } = action.object.metadata ?? {};
  if (action.type === 'recreate') await client.delete(of, { namespace, name });
  await ignoreExisting(client.create(of, action.object));
}

async function ensureNamespaces(client: Client, objects: readonly KubernetesObject[]): Promise<void> {
  const names = new Set(objects.map((object) => object.metadata?.namespace ?? ''));
  const existing = new Set((await client.list(namespaces)).items.map((object) => object.metadata?.name));
  const missing = [...names].filter((name) => !existing.has(name));
  await Promise.all(missing.map((name) => ignoreExisting(client.create(namespaces, { metadata: { name } }))));
}

async function ignoreExisting(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
