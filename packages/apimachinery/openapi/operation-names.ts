import type { ResourceInfo } from '../resources.ts';

/** Operation ids and tags: the words that generated clients are named by. */

/** `list` of pods in apps/v1 is `listAppsV1NamespacedPod`; the tag is `apps_v1`. */
export function createOperationNamer(target: { group: string; version: string }, resource: ResourceInfo) {
  const group = groupWord(target.group);
  const of = title(group) + title(target.version);
  const namer = (verb: string, suffix = '', namespaced = true, middle = '') =>
    `${verb}${of}${middle}${namespaced && resource.namespaced ? 'Namespaced' : ''}${resource.kind}${suffix}`;
  return Object.assign(namer, { tag: `${group}_${target.version}` });
}

/** rbac.authorization.k8s.io is rbacAuthorization, the core group core. */
export function groupWord(group: string): string {
  const [first, ...rest] = group.replace(/\.k8s\.io$/, '').split(/[^A-Za-z0-9]+/);
  return (first ?? '') === '' ? 'core' : first + rest.map(title).join('');
}

export function title(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
