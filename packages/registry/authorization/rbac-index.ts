/**
 * The roles and bindings of the cluster, found by subject. Fed by whoever watches them (rbac-feed in the API server's
 * composition); `generation` moves with every change, so that what was compiled from it is known to be old.
 */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from '@nodeless/apimachinery/generated/types/rbac/v1';
import type { UserInfo } from '../strategy.ts';

export type RbacResource = 'roles' | 'rolebindings' | 'clusterroles' | 'clusterrolebindings';
export const rbacResources: readonly RbacResource[] = ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'];

/** A role or cluster role binding that names a user, with the rules its role gives. */
export interface Grant {
  /** '' for a ClusterRoleBinding. */
  readonly namespace: string;
  /** The role's rules; undefined when there is no such role. */
  readonly rules: readonly PolicyRule[] | undefined;
  /** Why, for audit and reviews; or what is wrong when `rules` is undefined. */
  readonly description: string;
}

export interface RbacIndex {
  readonly generation: number;
  put(resource: RbacResource, object: Readonly<Role | ClusterRole | RoleBinding | ClusterRoleBinding>): void;
  remove(resource: RbacResource, namespace: string, name: string): void;
  /** These and no others. */
  replace(
    resource: RbacResource,
    objects: readonly Readonly<Role | ClusterRole | RoleBinding | ClusterRoleBinding>[],
  ): void;
  /** Cluster-wide grants first. */
  grantsOf(user: UserInfo): readonly Grant[];
  /** undefined = no such role. */
  rulesOfRole(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined;
}

interface Binding {
  readonly namespace: string;
  readonly name: string;
  readonly subjects: readonly Subject[];
  readonly roleRef: RoleRef;
}

const accountPrefix = 'system:serviceaccount:';

/** undefined for a subject that can match nobody. */
function subjectKey(subject: Subject, bindingNamespace: string): string | undefined {
  if (subject.kind === 'User') return `u:${subject.name}`;
  if (subject.kind === 'Group') return `g:${subject.name}`;
  if (subject.kind !== 'ServiceAccount') return undefined;
  const namespace = subject.namespace || bindingNamespace;
  return namespace === '' ? undefined : `u:${accountPrefix}${namespace}:${subject.name}`;
}

export function missingRoleMessage(ref: RoleRef): string {
  if (ref.kind !== 'Role' && ref.kind !== 'ClusterRole')
    return `unsupported role reference kind: ${JSON.stringify(ref.kind)}`;
  return `${ref.kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(ref.name)} not found`;
}

function describe(binding: Binding, subject: Subject): string {
  const cluster = binding.namespace === '';
  const name = cluster ? binding.name : `${binding.name}/${binding.namespace}`;
  const who =
    subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || binding.namespace}` : subject.name;
  return `${cluster ? 'ClusterRoleBinding' : 'RoleBinding'} ${JSON.stringify(name)} of ${binding.roleRef.kind} ${JSON.stringify(binding.roleRef.name)} to ${subject.kind} ${JSON.stringify(who)}`;
}

export function createRbacIndex(): RbacIndex {
  let generation = 0;
  /** `<namespace>/<name>`, the namespace of a ClusterRole being ''. */
  const roles = new Map<string, readonly PolicyRule[]>();
  /** By the same keys: those of a ClusterRoleBinding begin with a slash. */
  const bindings = new Map<string, Binding>();
  const bySubject = new Map<string, Set<Binding>>();

  const dropBinding = (key: string): void => {
    const binding = bindings.get(key);
    if (!binding) return;
    bindings.delete(key);
    for (const subject of binding.subjects) {
      const at = subjectKey(subject, binding.namespace);
      if (at === undefined) continue;
      const set = bySubject.get(at);
      set?.delete(binding);
      if (set?.size === 0) bySubject.delete(at);
    }
  };

  const putBinding = (key: string, binding: Binding): void => {
    dropBinding(key);
    bindings.set(key, binding);
    for (const subject of binding.subjects) {
      const at = subjectKey(subject, binding.namespace);
      if (at === undefined) continue;
      const set = bySubject.get(at);
      if (set) set.add(binding);
      else bySubject.set(at, new Set([binding]));
    }
  };

  const isRole = (resource: RbacResource): boolean => resource === 'roles' || resource === 'clusterroles';
  const rulesOfRole = (ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined => {
    if (ref.kind === 'ClusterRole') return roles.get(`/${ref.name}`);
    return ref.kind === 'Role' && namespace !== '' ? roles.get(`${namespace}/${ref.name}`) : undefined;
  };

  const index: RbacIndex = {
    get generation() {
      return generation;
    },
    put(resource, object) {
      const namespace = object.metadata?.namespace ?? '';
      const name = object.metadata?.name ?? '';
      const key = `${namespace}/${name}`;
      if (isRole(resource)) {
        roles.set(key, (object as Role).rules ?? []);
      } else {
        const { subjects, roleRef } = object as RoleBinding;
        putBinding(key, { namespace, name, subjects: subjects ?? [], roleRef });
      }
      generation++;
    },
    remove(resource, namespace, name) {
      const key = `${namespace}/${name}`;
      if (isRole(resource)) roles.delete(key);
      else dropBinding(key);
      generation++;
    },
    replace(resource, objects) {
      const clusterWide = resource.startsWith('cluster');
      const gone = [...(isRole(resource) ? roles : bindings).keys()].filter(
        (key) => key.startsWith('/') === clusterWide,
      );
      for (const key of gone) {
        if (isRole(resource)) roles.delete(key);
        else dropBinding(key);
      }
      for (const object of objects) index.put(resource, object);
      generation++;
    },
    grantsOf(user) {
      const keys = new Set([`u:${user.name}`, ...user.groups.map((group) => `g:${group}`)]);
      const found = new Set<Binding>();
      for (const key of keys) for (const binding of bySubject.get(key) ?? []) found.add(binding);
      const grants = [...found].map((binding): Grant => {
        const rules = rulesOfRole(binding.roleRef, binding.namespace);
        if (!rules) return { namespace: binding.namespace, rules, description: missingRoleMessage(binding.roleRef) };
        const subject = binding.subjects.find((s) => keys.has(subjectKey(s, binding.namespace) ?? ''));
        return { namespace: binding.namespace, rules, description: describe(binding, subject as Subject) };
      });
      return grants.sort((a, b) => (a.namespace < b.namespace ? -1 : a.namespace > b.namespace ? 1 : 0));
    },
    rulesOfRole,
  };
  return index;
}
