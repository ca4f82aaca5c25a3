import type {
  Node,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Pod,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { podRequests } from '@nodeless/apimachinery/resource-list';
import { milliValue, wholeValue } from './quantities.ts';

export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/**
 * The node's own last look at a pod that was bound to it, by whomever and however long ago: does it fit, may it be here.
 * `others`: the pods that the node has admitted and that have not ended. undefined = it may run.
 */
export function admitPod(
  pod: Pod,
  node: Pick<Node, 'metadata' | 'status' | 'spec'>,
  others: readonly Pod[],
): Refusal | undefined {
  return fits(pod, node, others) ?? matchesNode(pod, node) ?? toleratesNode(pod, node) ?? portsFree(pod, others);
}

function fits(pod: Pod, node: Pick<Node, 'status'>, others: readonly Pod[]): Refusal | undefined {
  const allocatable = node.status?.allocatable ?? {};
  const limit = wholeValue(allocatable['pods']);
  if (allocatable['pods'] !== undefined && others.length + 1 > limit) return outOf('pods', 1, others.length, limit);
  const wanted = podRequests(pod);
  for (const [resource, quantity] of Object.entries(wanted)) {
    const amount = resource === 'cpu' ? milliValue : wholeValue;
    const requested = amount(quantity);
    if (requested === 0) continue;
    const capacity = amount(allocatable[resource]);
    let used = 0;
    for (const other of others) used += amount(podRequests(other)[resource]);
    if (requested > capacity - used) return outOf(resource, requested, used, capacity);
  }
  return undefined;
}

function outOf(resource: string, requested: number, used: number, capacity: number): Refusal {
  return {
    reason: `OutOf${resource}`,
    message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  };
}

function matchesNode(pod: Pod, node: Pick<Node, 'metadata'>): Refusal | undefined {
  const labels = node.metadata?.labels ?? {};
  const selected = Object.entries(pod.spec?.nodeSelector ?? {}).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (selected && (terms === undefined || terms.some((term) => matchesTerm(term, labels, node.metadata?.name ?? ''))))
    return undefined;
  return {
    reason: 'NodeAffinity',
    message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  };
}

function matchesTerm(term: NodeSelectorTerm, labels: Readonly<Record<string, string>>, name: string): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return (
    expressions.every((r) => matchesRequirement(r, Object.hasOwn(labels, r.key) ? labels[r.key] : undefined)) &&
    fields.every((r) => matchesRequirement(r, r.key === 'metadata.name' ? name : undefined))
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
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

/** Only taints that would also evict it count: one that merely keeps new pods away was the scheduler's to heed. */
function toleratesNode(pod: Pod, node: Pick<Node, 'spec'>): Refusal | undefined {
  for (const taint of node.spec?.taints ?? []) {
    if (taint.effect !== 'NoExecute') continue;
    const tolerated = (pod.spec?.tolerations ?? []).some(
      (t) =>
        (!t.effect || t.effect === taint.effect) &&
        (!t.key || t.key === taint.key) &&
        (t.operator === 'Exists' || (t.key !== undefined && (t.value ?? '') === (taint.value ?? ''))),
    );
    if (!tolerated)
      return {
        reason: 'TaintToleration',
        message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
      };
  }
  return undefined;
}

function portsFree(pod: Pod, others: readonly Pod[]): Refusal | undefined {
  const taken = others.flatMap(hostPorts);
  const clash = hostPorts(pod).some((mine) =>
    taken.some(
      (theirs) =>
        mine.port === theirs.port &&
        mine.protocol === theirs.protocol &&
        (mine.ip === theirs.ip || mine.ip === '' || theirs.ip === ''),
    ),
  );
  return clash
    ? {
        reason: 'NodePorts',
        message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
      }
    : undefined;
}

function hostPorts(pod: Pod): { port: number; protocol: string; ip: string }[] {
  return (pod.spec?.containers ?? []).flatMap((c) =>
    (c.ports ?? []).flatMap((p) =>
      p.hostPort
        ? [{ port: p.hostPort, protocol: p.protocol ?? 'TCP', ip: p.hostIP && p.hostIP !== '0.0.0.0' ? p.hostIP : '' }]
        : [],
    ),
  );
}
