/**
 * Nobody may give away rights that he does not hold: checked where roles and bindings are written, after everything
 * that could change them. The verbs `escalate` (on a role) and `bind` (on the role a binding names) lift it.
 */
import type {
  ClusterRole,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
} from '@nodeless/apimachinery/generated/types/rbac/v1';
import { ApiError, forbidden, notFound } from '@nodeless/apimachinery/status';
import { isDeepStrictEqual } from 'node:util';
import type { AdmissionAttributes, AdmissionPlugin } from '../admission/admission.ts';
import { type Authorizer, privilegedGroup } from './authorizer.ts';
import { rbacGroup } from './bootstrap-policy.ts';
import type { RbacIndex } from './rbac-index.ts';
import { missingRoleMessage } from './rbac-index.ts';
import { escalationMessage } from './rule-coverage.ts';

const resources = new Set(['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings']);
const fullAuthority: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

export function createEscalationCheck(deps: { index: RbacIndex; authorizer: Required<Authorizer> }): AdmissionPlugin {
  const { index, authorizer } = deps;

  const may = async (
    a: AdmissionAttributes,
    verb: string,
    resource: string,
    namespace: string,
    name: string,
  ): Promise<boolean> => {
    const asked = { user: a.user, verb, group: rbacGroup, version: '*', resource, subresource: '', namespace, name };
    return (await authorizer.authorize(asked)).decision === 'allow';
  };

  const refuseEscalation = (a: AdmissionAttributes, rules: readonly PolicyRule[], message?: string): void => {
    const held = authorizer.rulesFor(a.user, a.namespace);
    const missing = escalationMessage(a.user, held, rules);
    if (missing !== undefined) throw forbidden(a.resource, nameOf(a), message ?? missing);
  };

  const checkRole = async (a: AdmissionAttributes): Promise<void> => {
    if (await may(a, 'escalate', a.resource.resource, a.namespace, a.name)) return;
    refuseEscalation(a, (a.object as Role).rules ?? []);
    if (isAggregated(a.object as ClusterRole) || isAggregated(a.oldObject as ClusterRole | undefined)) {
      refuseEscalation(a, fullAuthority, 'must have cluster-admin privileges to use the aggregationRule');
    }
  };

  const checkBinding = async (a: AdmissionAttributes): Promise<void> => {
    const { roleRef } = a.object as unknown as RoleBinding;
    const resource = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles';
    if (await may(a, 'bind', resource, a.namespace, roleRef.name)) return;
    const rules = index.rulesOfRole(roleRef, a.namespace);
    if (!rules) throw missingRole(roleRef, resource);
    refuseEscalation(a, rules);
  };

  return {
    name: 'RBACEscalation',
    handles: (a) =>
      a.resource.group === rbacGroup &&
      resources.has(a.resource.resource) &&
      (a.operation === 'CREATE' || a.operation === 'UPDATE') &&
      !a.user.groups.includes(privilegedGroup),
    validate(a) {
      if (a.oldObject && onlyCollectorFieldsChange(a.object, a.oldObject)) return;
      return a.resource.resource.endsWith('bindings') ? checkBinding(a) : checkRole(a);
    },
  };
}

const nameOf = (a: AdmissionAttributes): string => a.object?.metadata?.name ?? a.name;
const isAggregated = (role: ClusterRole | undefined): boolean =>
  (role?.aggregationRule?.clusterRoleSelectors?.length ?? 0) > 0;

function missingRole(ref: RoleRef, resource: string): ApiError {
  if (ref.kind === 'Role' || ref.kind === 'ClusterRole') return notFound({ group: rbacGroup, resource }, ref.name);
  const message = missingRoleMessage(ref);
  return new ApiError({ code: 500, message });
}

/** The garbage collector must be able to let go of a role that it could not grant. */
function onlyCollectorFieldsChange(object: unknown, old: unknown): boolean {
  const rest = (value: unknown): unknown => {
    const { metadata, ...others } = value as { metadata?: Record<string, unknown> };
    const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _managed, ...kept } = metadata ?? {};
    return { ...others, metadata: kept };
  };
  return isDeepStrictEqual(rest(object), rest(old));
}
