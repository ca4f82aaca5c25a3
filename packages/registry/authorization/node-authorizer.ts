/**
 * What a node (user system:node:<name>, group system:nodes) may do: read its own Node, its pods and what these refer
 * to, and write their status. What it may write in detail is the NodeRestriction admission plugin's.
 */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { type AuthorizationAttributes, type Authorizer, type Decision, noOpinion } from './authorizer.ts';
import { clusterRoleRules } from './bootstrap-cluster-roles.ts';
import { parseRule } from './bootstrap-rules.ts';
import { type ReferenceKind, podReferences } from './pod-references.ts';
import { ruleAllows } from './rule-match.ts';

const nodesGroup = 'system:nodes';
const nodePrefix = 'system:node:';
const nodeLeaseNamespace = 'kube-node-lease';

export interface NodeAuthorizerDeps {
  /** Pods bound to a node; frozen. By index: it is asked on every read of a secret. */
  podsOnNode(nodeName: string): readonly Readonly<Pod>[] | Promise<readonly Readonly<Pod>[]>;
  /** The PersistentVolume a claim is bound to, '' if none. */
  volumeOfClaim(namespace: string, name: string): string | Promise<string>;
}

const allow: Decision = { decision: 'allow', reason: '' };
const refuse = (reason: string): Decision => ({ decision: 'no-opinion', reason });
const nodeRules = (clusterRoleRules['system:node'] ?? []).map(parseRule);

export function nodeNameOf(user: { name: string; groups: readonly string[] }): string | undefined {
  return user.name.startsWith(nodePrefix) && user.groups.includes(nodesGroup)
    ? user.name.slice(nodePrefix.length)
    : undefined;
}

export function createNodeAuthorizer(deps: NodeAuthorizerDeps): Authorizer {
  const related = async (node: string, kind: ReferenceKind, a: AuthorizationAttributes): Promise<Decision> => {
    if (!a.name) return refuse('No Object name found');
    const wanted = kind === 'persistentvolumes' ? a.name : `${a.namespace}/${a.name}`;
    for (const pod of await deps.podsOnNode(node)) {
      for (const reference of podReferences(pod)) {
        if (reference.kind === kind && reference.name === wanted) return allow;
        if (kind !== 'persistentvolumes' || reference.kind !== 'persistentvolumeclaims') continue;
        const [namespace = '', claim = ''] = reference.name.split('/');
        if ((await deps.volumeOfClaim(namespace, claim)) === a.name) return allow;
      }
    }
    return refuse(`no relationship found between node '${node}' and this object`);
  };

  const getOnly = (node: string, kind: ReferenceKind, a: AuthorizationAttributes): Decision | Promise<Decision> => {
    if (a.verb !== 'get') return refuse('can only get individual resources of this type');
    return a.subresource ? refuse('cannot get subresource') : related(node, kind, a);
  };

  const readOnly = (node: string, kind: ReferenceKind, a: AuthorizationAttributes): Decision | Promise<Decision> => {
    if (!['get', 'list', 'watch'].includes(a.verb)) return refuse('can only read resources of this type');
    if (a.subresource) return refuse('cannot read subresource');
    return a.namespace ? related(node, kind, a) : refuse('can only read namespaced object of this type');
  };

  const claims = (node: string, a: AuthorizationAttributes): Decision | Promise<Decision> => {
    if (a.subresource !== 'status') return getOnly(node, 'persistentvolumeclaims', a);
    if (a.verb !== 'update' && a.verb !== 'patch') return refuse('can only get/update/patch this type');
    return related(node, 'persistentvolumeclaims', a);
  };

  const accounts = (node: string, a: AuthorizationAttributes): Decision | Promise<Decision> => {
    if (a.verb === 'get' && !a.subresource) return readOnly(node, 'serviceaccounts', a);
    if (a.verb !== 'create' || !a.name) return refuse('can only create tokens for individual service accounts');
    if (a.subresource !== 'token') return refuse('can only create token subresource of serviceaccount');
    return related(node, 'serviceaccounts', a);
  };

  const pods = (node: string, a: AuthorizationAttributes): Decision | Promise<Decision> => {
    if (a.subresource === 'status') return a.verb === 'update' || a.verb === 'patch' ? allow : noOpinion;
    if (a.subresource === 'eviction') return a.verb === 'create' ? allow : noOpinion;
    if (a.subresource) return noOpinion;
    if (a.verb === 'create' || a.verb === 'delete') return allow;
    if (a.verb === 'get') return getOnly(node, 'pods', a);
    if (a.verb !== 'list' && a.verb !== 'watch') return noOpinion;
    if (selectsExactly(a.fieldSelector, 'spec.nodeName', node)) return allow;
    return a.name ? related(node, 'pods', a) : refuse('can only list/watch pods with spec.nodeName field selector');
  };

  const decide = (node: string, a: AuthorizationAttributes): Decision | Promise<Decision> => {
    switch (a.path === undefined ? `${a.group}/${a.resource}` : '') {
      case '/secrets':
        return readOnly(node, 'secrets', a);
      case '/configmaps':
        return readOnly(node, 'configmaps', a);
      case '/persistentvolumeclaims':
        return claims(node, a);
      case '/persistentvolumes':
        return getOnly(node, 'persistentvolumes', a);
      case 'resource.k8s.io/resourceclaims':
        return getOnly(node, 'resourceclaims', a);
      case '/serviceaccounts':
        return accounts(node, a);
      case 'coordination.k8s.io/leases':
        return ownLease(node, a);
      case 'storage.k8s.io/csinodes':
        return ownCsiNode(node, a);
      case '/nodes':
        return ownNode(node, a);
      case '/pods':
        return pods(node, a);
      default:
        return nodeRules.some((rule) => ruleAllows(rule, a, a.name)) ? allow : noOpinion;
    }
  };

  return {
    authorize(attributes) {
      const node = nodeNameOf(attributes.user);
      if (node === undefined) return noOpinion;
      return node === ''
        ? refuse(`unknown node for user ${JSON.stringify(attributes.user.name)}`)
        : decide(node, attributes);
    },
    rulesFor(user) {
      if (nodeNameOf(user) === undefined) return { rules: [], incomplete: false, errors: [] };
      return { rules: [], incomplete: true, errors: ['node authorizer does not support user rule resolution'] };
    },
  };
}

const ownVerbs = ['get', 'create', 'update', 'patch', 'delete'];

function ownLease(node: string, a: AuthorizationAttributes): Decision {
  if (!ownVerbs.includes(a.verb)) return refuse('can only get, create, update, patch, or delete a node lease');
  if (a.namespace !== nodeLeaseNamespace)
    return refuse(`can only access leases in the "${nodeLeaseNamespace}" system namespace`);
  // The name of what is created stands in the body; NodeRestriction looks at it.
  if (a.verb !== 'create' && a.name !== node)
    return refuse('can only access node lease with the same name as the requesting node');
  return allow;
}

function ownCsiNode(node: string, a: AuthorizationAttributes): Decision {
  if (!ownVerbs.includes(a.verb)) return refuse('can only get, create, update, patch, or delete a CSINode');
  if (a.subresource) return refuse('cannot authorize CSINode subresources');
  if (a.verb !== 'create' && a.name !== node)
    return refuse('can only access CSINode with the same name as the requesting node');
  return allow;
}

function ownNode(node: string, a: AuthorizationAttributes): Decision {
  if (a.subresource === 'status') return a.verb === 'update' || a.verb === 'patch' ? allow : noOpinion;
  if (a.subresource) return noOpinion;
  if (['create', 'update', 'patch'].includes(a.verb)) return allow;
  if (!['get', 'list', 'watch'].includes(a.verb)) return noOpinion;
  if (a.name === node) return allow;
  if (!a.name) return refuse(`node '${node}' cannot read all nodes, only its own Node object`);
  return refuse(`node '${node}' cannot read '${a.name}', only its own Node object`);
}

/** Whether every object a field selector lets through has this value in the field. */
function selectsExactly(selector: string | undefined, field: string, value: string): boolean {
  return (selector ?? '').split(',').some((term) => term === `${field}=${value}` || term === `${field}==${value}`);
}
