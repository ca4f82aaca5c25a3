import type { NodeSelectorTerm, NodeSelectorRequirement } from '@nodeless/apimachinery/generated/types/core/v1';
import { filterPlugin, normalizeTo100, ok, scorePlugin, unfit } from '../framework.ts';
import type { NodeInfo } from '../snapshot.ts';
import type { PodInfo } from '../pod-info.ts';

/** nodeSelector and required node affinity together: upstream's GetRequiredNodeAffinity. */
export function matchesRequired(pod: PodInfo, node: NodeInfo): boolean {
  const { nodeSelector, affinity } = pod.pod.spec ?? {};
  for (const [key, value] of Object.entries(nodeSelector ?? {})) if (node.labels[key] !== value) return false;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || (required.nodeSelectorTerms ?? []).some((term) => matchesTerm(term, node));
}

/** A term without any requirement matches nothing. */
export function matchesTerm(term: NodeSelectorTerm, node: NodeInfo): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  return (
    expressions.every((requirement) => matchesRequirement(requirement, node.labels[requirement.key])) &&
    fields.every((requirement) =>
      matchesRequirement(requirement, requirement.key === 'metadata.name' ? node.name : undefined),
    )
  );
}

function matchesRequirement({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return isInteger(value) && BigInt(value) > BigInt(values[0] ?? 0);
    case 'Lt':
      return isInteger(value) && BigInt(value) < BigInt(values[0] ?? 0);
    default:
      return false;
  }
}

const isInteger = (value: string | undefined): value is string => value !== undefined && /^[+-]?\d+$/.test(value);

export const nodeAffinity = filterPlugin({
  name: 'NodeAffinity',
  prepare: (pod) =>
    pod.pod.spec?.nodeSelector || pod.pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
      ? undefined
      : 'skip',
  filter: (pod, node) =>
    matchesRequired(pod, node) ? ok : unfit("node(s) didn't match Pod's node affinity/selector", false),
  retryOn: ['node-added', 'node-labels', 'pod-updated'],
});

export const nodeAffinityScore = scorePlugin({
  name: 'NodeAffinity',
  prepare: (pod) =>
    pod.pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? ('skip' as const),
  score: (_pod, node, preferred) =>
    preferred.reduce((sum, { weight, preference }) => sum + (matchesTerm(preference, node) ? weight : 0), 0),
  normalize: (scores) => normalizeTo100(scores),
});
