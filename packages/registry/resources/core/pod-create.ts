/** What a new pod gets beside its defaults. */
import type { Pod, PodAffinityTerm, TopologySpreadConstraint } from '@nodeless/apimachinery/generated/types/core/v1';
import type { LabelSelector } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { formatTime } from '@nodeless/apimachinery/time';
import type { RequestContext } from '../../strategy.ts';
import { appArmorFieldsFromAnnotations } from './pod-template/app-armor-annotations.ts';
import { dropDisabledPodFields } from './pod-template/disabled-fields.ts';
import { qosClass } from './pod-template/qos.ts';

export function prepareNewPod(object: UnknownObject, context: RequestContext): void {
  const pod = object as Pod;
  const spec = pod.spec;
  pod.status = { phase: 'Pending' };
  if (spec === undefined) return;
  dropDisabledPodFields(spec, undefined);
  if (spec.schedulingGates?.length) {
    pod.status.conditions = [
      {
        type: 'PodScheduled',
        status: 'False',
        lastTransitionTime: formatTime(context.now()),
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
      },
    ];
  }
  pod.status.qosClass = qosClass(spec);
  const labels = pod.metadata?.labels ?? {};
  for (const term of affinityTerms(pod)) {
    mergeLabelKeys(term.labelSelector, term.matchLabelKeys, 'In', labels);
    mergeLabelKeys(term.labelSelector, term.mismatchLabelKeys, 'NotIn', labels);
  }
  for (const constraint of spec.topologySpreadConstraints ?? ([] as TopologySpreadConstraint[])) {
    mergeLabelKeys(constraint.labelSelector, constraint.matchLabelKeys, 'In', labels);
  }
  appArmorFieldsFromAnnotations(pod);
}

function affinityTerms(pod: Pod): PodAffinityTerm[] {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const terms: PodAffinityTerm[] = [];
  for (const affinity of [podAffinity, podAntiAffinity]) {
    for (const weighted of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
      terms.push(weighted.podAffinityTerm);
    terms.push(...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []));
  }
  return terms;
}

/** KEP-3633: the values of the pod's own labels become part of the selector when the pod is made. */
function mergeLabelKeys(
  selector: LabelSelector | undefined,
  keys: readonly string[] | undefined,
  operator: string,
  labels: Record<string, string>,
): void {
  if (selector === undefined || keys === undefined) return;
  for (const key of keys) {
    if (Object.hasOwn(labels, key)) (selector.matchExpressions ??= []).push({ key, operator, values: [labels[key]!] });
  }
}
