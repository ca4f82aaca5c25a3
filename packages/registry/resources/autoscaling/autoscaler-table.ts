import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '@nodeless/apimachinery/generated/types/autoscaling/v2';
import { joinSome, type Row } from '../table-of.ts';

export function autoscalerCells({ spec, status }: Readonly<HorizontalPodAutoscaler>, { name, age }: Row): unknown[] {
  const { kind, name: target } = spec?.scaleTargetRef ?? {};
  const metrics = (spec?.metrics ?? []).map((metric, i) => metricText(metric, status?.currentMetrics?.[i]));
  return [
    name,
    `${kind ?? ''}/${target ?? ''}`,
    metrics.length === 0 ? '<none>' : joinSome(metrics, 2, ', '),
    String(spec?.minReplicas ?? '<unset>'),
    spec?.maxReplicas ?? 0,
    status?.currentReplicas ?? 0,
    age,
  ];
}

const unknown = '<unknown>';

/** `status` is the entry of the same index, which may be of another metric. */
function metricText(metric: Readonly<MetricSpec>, status: Readonly<MetricStatus> | undefined): string {
  switch (metric.type) {
    case 'External':
      return valueText(metric.external?.target, status?.external?.current, status?.external !== undefined);
    case 'Object':
      return valueText(metric.object?.target, status?.object?.current, status?.object !== undefined);
    case 'Pods':
      return `${status?.pods ? (status.pods.current?.averageValue ?? '<nil>') : unknown}/${metric.pods?.target?.averageValue ?? '<nil>'}`;
    case 'Resource':
      return `${metric.resource?.name ?? ''}: ${shareText(metric.resource?.target, status?.resource?.current, status?.resource !== undefined)}`;
    case 'ContainerResource': {
      const { containerResource: of } = metric;
      return `${of?.name ?? ''}: ${shareText(of?.target, status?.containerResource?.current, status?.containerResource !== undefined)}`;
    }
    default:
      return '<unknown type>';
  }
}

function valueText(
  target: Readonly<MetricTarget> | undefined,
  current: Readonly<MetricValueStatus> | undefined,
  isKnown: boolean,
): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? unknown}/${target.averageValue} (avg)`;
  return `${isKnown ? (current?.value ?? '<nil>') : unknown}/${target?.value ?? '<nil>'}`;
}

function shareText(
  target: Readonly<MetricTarget> | undefined,
  current: Readonly<MetricValueStatus> | undefined,
  isKnown: boolean,
): string {
  if (target?.averageValue !== undefined)
    return `${isKnown ? (current?.averageValue ?? '<nil>') : unknown}/${target.averageValue}`;
  const share = current?.averageUtilization === undefined ? unknown : `${current.averageUtilization}%`;
  return `${share}/${target?.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`}`;
}
