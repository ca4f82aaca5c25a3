/**
 * autoscaling/v1 knows one metric, the CPU utilization; everything else of a v2 object travels in annotations, as
 * the JSON that the API server writes there.
 */
import type * as v1 from '@nodeless/apimachinery/generated/types/autoscaling/v1';
import type * as v2 from '@nodeless/apimachinery/generated/types/autoscaling/v2';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { Conversion } from '../../resource.ts';
import { behaviorFromAnnotation, behaviorToAnnotation } from './behavior-annotation.ts';
import { specFromV1, specToV1, statusFromV1, statusToV1 } from './metric-conversion.ts';

const prefix = 'autoscaling.alpha.kubernetes.io/';
const metricsAnnotation = `${prefix}metrics`;
const currentMetricsAnnotation = `${prefix}current-metrics`;
const conditionsAnnotation = `${prefix}conditions`;
const behaviorAnnotation = `${prefix}behavior`;
const roundTripAnnotations = [
  metricsAnnotation,
  currentMetricsAnnotation,
  conditionsAnnotation,
  behaviorAnnotation,
  `${prefix}scale-down-tolerance`,
  `${prefix}scale-up-tolerance`,
];

export const autoscalingV1: Conversion = {
  toStorage,
  fromStorage,
  default: (object) => {
    const spec = (object as unknown as v1.HorizontalPodAutoscaler).spec;
    if (spec !== undefined) spec.minReplicas ??= 1;
  },
};

const isCpuUtilization = (metric: v2.MetricSpec): boolean =>
  metric.type === 'Resource' &&
  metric.resource?.name === 'cpu' &&
  metric.resource.target?.averageUtilization !== undefined;

function toStorage(object: Readonly<UnknownObject>): UnknownObject {
  const given = object as unknown as Readonly<v1.HorizontalPodAutoscaler>;
  const annotations = given.metadata?.annotations ?? {};
  const converted: UnknownObject = { ...object, apiVersion: 'autoscaling/v2' };
  if (object.metadata !== undefined) converted.metadata = { ...object.metadata };
  const spec: Partial<v2.HorizontalPodAutoscalerSpec> = {};
  if (given.spec !== undefined) {
    const { targetCPUUtilizationPercentage, ...rest } = given.spec;
    Object.assign(spec, rest);
    if (targetCPUUtilizationPercentage !== undefined) spec.metrics = [cpuMetric(targetCPUUtilizationPercentage)];
  }
  const others = parse<v1.MetricSpec[]>(annotations[metricsAnnotation]);
  if (others !== undefined) spec.metrics = [...others.map(specFromV1), ...(spec.metrics ?? [])];
  const behavior = behaviorFromAnnotation(annotations[behaviorAnnotation]);
  if (behavior !== undefined) spec.behavior = behavior;
  if (!spec.metrics?.length) spec.metrics = [cpuMetric(80)];
  converted.spec = spec;
  const status = statusToStorage(given.status, annotations);
  if (status !== undefined) converted.status = status;
  if (converted.metadata?.annotations !== undefined) {
    const kept = withoutRoundTrip(converted.metadata.annotations);
    if (Object.keys(kept).length > 0) converted.metadata.annotations = kept;
    else delete converted.metadata.annotations;
  }
  return converted;
}

function statusToStorage(
  given: Readonly<v1.HorizontalPodAutoscalerStatus> | undefined,
  annotations: Record<string, string>,
): v2.HorizontalPodAutoscalerStatus | undefined {
  if (given === undefined) return undefined;
  const { currentCPUUtilizationPercentage, ...rest } = given;
  const status: v2.HorizontalPodAutoscalerStatus = { ...rest };
  if (currentCPUUtilizationPercentage !== undefined) {
    status.currentMetrics = [
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: currentCPUUtilizationPercentage } } },
    ];
  }
  const metrics = parse<v1.MetricStatus[]>(annotations[currentMetricsAnnotation]);
  if (metrics !== undefined) status.currentMetrics = metrics.map(statusFromV1);
  const conditions = parse<v2.HorizontalPodAutoscalerCondition[]>(annotations[conditionsAnnotation]);
  if (conditions !== undefined) status.conditions = conditions;
  return status;
}

function fromStorage(object: Readonly<UnknownObject>): UnknownObject {
  const stored = object as unknown as Readonly<v2.HorizontalPodAutoscaler>;
  const converted: UnknownObject = { ...object, apiVersion: 'autoscaling/v1' };
  const annotations = withoutRoundTrip(stored.metadata?.annotations ?? {});
  if (stored.spec !== undefined) {
    const { metrics = [], behavior, ...rest } = stored.spec;
    const spec: v1.HorizontalPodAutoscalerSpec = { ...rest };
    const cpu = metrics.find(isCpuUtilization);
    if (cpu !== undefined) spec.targetCPUUtilizationPercentage = cpu.resource!.target.averageUtilization;
    converted.spec = spec;
    const others = metrics.filter((metric) => !isCpuUtilization(metric)).map(specToV1);
    if (others.length > 0) annotations[metricsAnnotation] = JSON.stringify(others);
    if (behavior !== undefined) annotations[behaviorAnnotation] = behaviorToAnnotation(behavior);
  }
  if (stored.status !== undefined) {
    const { currentMetrics = [], conditions = [], ...rest } = stored.status;
    const status: v1.HorizontalPodAutoscalerStatus = { ...(rest as v1.HorizontalPodAutoscalerStatus) };
    for (const metric of currentMetrics) {
      const utilization =
        metric.type === 'Resource' && metric.resource?.name === 'cpu'
          ? metric.resource.current?.averageUtilization
          : undefined;
      if (utilization !== undefined) status.currentCPUUtilizationPercentage = utilization;
    }
    converted.status = status;
    if (currentMetrics.length > 0)
      annotations[currentMetricsAnnotation] = JSON.stringify(currentMetrics.map(statusToV1));
    if (conditions.length > 0)
      annotations[conditionsAnnotation] = JSON.stringify(
        conditions.map((c) => ({ ...c, lastTransitionTime: c.lastTransitionTime ?? null })),
      );
  }
  converted.metadata = { ...stored.metadata };
  if (Object.keys(annotations).length > 0) converted.metadata.annotations = annotations;
  else delete converted.metadata.annotations;
  return converted;
}

function cpuMetric(averageUtilization: number): v2.MetricSpec {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

function withoutRoundTrip(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const kept = { ...annotations };
  for (const name of roundTripAnnotations) delete kept[name];
  return kept;
}

/** An annotation that a client broke is ignored. */
function parse<T extends readonly unknown[]>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as unknown as T) : undefined;
  } catch {
    return undefined;
  }
}
