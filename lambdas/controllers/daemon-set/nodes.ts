/** Which nodes a DaemonSet is for, and the pods that it puts there. */
import type { DaemonSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import type {
  Affinity,
  Node,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Pod,
  PodSpec,
  Taint,
  Toleration,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { revisionLabel } from '../controller-revisions.ts';
import { podFromTemplate } from '../replicas.ts';

export const generationLabel = 'pod-template-generation';
const generationAnnotation = 'deprecated.daemonset.template.generation';

/** Daemons run on nodes that are in trouble: that is often what they are for. */
const always: readonly Toleration[] = [
  ...['not-ready', 'unreachable'].map((name) => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect: 'NoExecute',
  })),
  ...['disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'].map((name) => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect: 'NoSchedule',
  })),
];
const onHostNetwork: Toleration = {
  key: 'node.kubernetes.io/network-unavailable',
  operator: 'Exists',
  effect: 'NoSchedule',
};

function tolerationsOf(spec: PodSpec | undefined): Toleration[] {
  const own = spec?.tolerations ?? [];
  const added = [...always, ...(spec?.hostNetwork ? [onHostNetwork] : [])];
  return [
    ...own.filter(
      (t) =>
        !added.some(
          (a) => a.key === t.key && a.operator === t.operator && a.effect === t.effect && (t.value ?? '') === '',
        ),
    ),
    ...added,
  ];
}

/** Required node affinity that names this node and nothing else; the rest of the affinity stays. */
function pinnedTo(affinity: Affinity | undefined, nodeName: string): Affinity {
  const required = {
    nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }],
  };
  return {
    ...affinity,
    nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: required },
  };
}

export function newDaemonPod(set: DaemonSet, nodeName: string, hash: string): Pod {
  const pod = podFromTemplate(set.spec?.template ?? {}, set);
  const generation = templateGeneration(set);
  const labels = {
    ...pod.metadata?.labels,
    ...(generation === undefined ? {} : { [generationLabel]: generation }),
    [revisionLabel]: hash,
  };
  return {
    ...pod,
    metadata: { ...pod.metadata, labels },
    spec: {
      containers: [],
      ...pod.spec,
      affinity: pinnedTo(pod.spec?.affinity, nodeName),
      tolerations: tolerationsOf(pod.spec),
    },
  };
}

export const templateGeneration = (set: DaemonSet): string | undefined =>
  set.metadata?.annotations?.[generationAnnotation];

/** The node that a pod runs on or is pinned to. */
export function nodeOf(pod: Pod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const terms =
    pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const term of terms)
    for (const field of term.matchFields ?? [])
      if (field.key === 'metadata.name' && field.operator === 'In' && field.values?.length === 1)
        return field.values[0];
  return undefined;
}

export interface Eligibility {
  /** A pod should be made there. */
  readonly run: boolean;
  /** One that is there may stay. */
  readonly stay: boolean;
}

export function eligibility(set: DaemonSet, node: Node): Eligibility {
  const spec = set.spec?.template.spec;
  const name = node.metadata?.name ?? '';
  if ((spec?.nodeName && spec.nodeName !== name) || !matchesAffinity(spec, node)) return { run: false, stay: false };
  const taints = node.spec?.taints ?? [];
  const tolerations = tolerationsOf(spec);
  const untolerated = (effects: readonly string[]): boolean =>
    taints.some((taint) => effects.includes(taint.effect) && !tolerations.some((t) => tolerates(t, taint)));
  if (untolerated(['NoSchedule', 'NoExecute'])) return { run: false, stay: !untolerated(['NoExecute']) };
  return { run: true, stay: true };
}

function tolerates(t: Toleration, taint: Taint): boolean {
  if (t.effect && t.effect !== taint.effect) return false;
  if (t.key && t.key !== taint.key) return false;
  return t.operator === 'Exists' || ((t.operator ?? 'Equal') === 'Equal' && (t.value ?? '') === (taint.value ?? ''));
}

function matchesAffinity(spec: PodSpec | undefined, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(spec?.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || (required.nodeSelectorTerms ?? []).some((term) => matchesTerm(term, node));
}

function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  const labels = node.metadata?.labels ?? {};
  return (
    matchExpressions.every((one) =>
      matchesRequirement(one, Object.hasOwn(labels, one.key) ? labels[one.key] : undefined),
    ) &&
    matchFields.every((one) => matchesRequirement(one, one.key === 'metadata.name' ? node.metadata?.name : undefined))
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
    case 'Lt': {
      if (value === undefined || !/^[+-]?\d+$/.test(value)) return false;
      const bound = BigInt(values[0] ?? 0);
      return operator === 'Gt' ? BigInt(value) > bound : BigInt(value) < bound;
    }
    default:
      return false;
  }
}
