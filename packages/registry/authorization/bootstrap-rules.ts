import type { PolicyRule } from '@nodeless/apimachinery/generated/types/rbac/v1';

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const abbreviations: Readonly<Record<string, readonly string[]>> = {
  read,
  write,
  readwrite: [...read, ...write].sort(),
};

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Reads one rule of the bootstrap tables: `verbs | groups | resources [| names]` or `verbs @ paths`. */
export function parseRule(text: string): PolicyRule {
  const [left, paths] = text.split('@');
  if (paths !== undefined) return { verbs: words(left as string), nonResourceURLs: words(paths) };
  const [verbs, groups, resources, names] = text.split('|');
  if (verbs === undefined || groups === undefined || resources === undefined) throw new Error(`bad rule: ${text}`);
  return {
    verbs: words(verbs).flatMap((verb) => abbreviations[verb] ?? [verb]),
    apiGroups: words(groups).map((group) => (group === 'core' ? '' : group)),
    resources: words(resources),
    ...(names === undefined ? {} : { resourceNames: words(names) }),
  };
}
