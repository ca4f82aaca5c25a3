/** Scales what HorizontalPodAutoscalers name. There is no metrics API yet: bounds are kept, and the conditions say what is missing. */
import type { Scale } from '@nodeless/apimachinery/generated/types/autoscaling/v1';
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
} from '@nodeless/apimachinery/generated/types/autoscaling/v2';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';
import { horizontalPodAutoscalers } from '@nodeless/client/resource-types';
import { type Controller, type ReconcileContext, watchRule } from '@nodeless/controller-runtime/controller';
import { timestamp } from './time.ts';

/** Upstream's --horizontal-pod-autoscaler-sync-period. */
const syncMs = 15_000;

export interface AutoscalerPlan {
  readonly status: HorizontalPodAutoscalerStatus;
  /** undefined: the target stays as it is. */
  readonly rescale: { readonly to: number; readonly reason: string } | undefined;
  readonly events: readonly { readonly reason: string; readonly message: string }[];
}

type NewCondition = Pick<HorizontalPodAutoscalerCondition, 'type' | 'status' | 'reason' | 'message'>;

/** `scale`: the target's, or why it could not be had. */
export function planAutoscaler(
  hpa: HorizontalPodAutoscaler,
  scale: Pick<Scale, 'spec' | 'status'> | Error,
  now: number,
): AutoscalerPlan {
  const { minReplicas = 1, maxReplicas, metrics = [] } = hpa.spec;
  const conditions = new Map((hpa.status?.conditions ?? []).map((c) => [c.type, c]));
  const set = (condition: NewCondition): void => {
    const before = conditions.get(condition.type);
    const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : timestamp(now);
    conditions.set(condition.type, { ...condition, lastTransitionTime });
  };
  const statusWith = (more: Partial<HorizontalPodAutoscalerStatus>): HorizontalPodAutoscalerStatus => ({
    desiredReplicas: 0,
    ...hpa.status,
    ...(hpa.metadata?.generation === undefined ? {} : { observedGeneration: hpa.metadata.generation }),
    ...more,
    conditions: [...conditions.values()],
  });
  if (scale instanceof Error) {
    set({
      type: 'AbleToScale',
      status: 'False',
      reason: 'FailedGetScale',
      message: `the HPA controller was unable to get the target's current scale: ${scale.message}`,
    });
    return {
      status: statusWith({}),
      rescale: undefined,
      events: [{ reason: 'FailedGetScale', message: scale.message }],
    };
  }
  const current = scale.spec?.replicas ?? 0;
  set({
    type: 'AbleToScale',
    status: 'True',
    reason: 'SucceededGetScale',
    message: "the HPA controller was able to get the target's current scale",
  });
  if (current === 0 && minReplicas !== 0) {
    set({
      type: 'ScalingActive',
      status: 'False',
      reason: 'ScalingDisabled',
      message: 'scaling is disabled since the replica count of the target is zero',
    });
    return { status: statusWith({ currentReplicas: 0, desiredReplicas: 0 }), rescale: undefined, events: [] };
  }
  const bound =
    current > maxReplicas
      ? { to: maxReplicas, reason: 'Current number of replicas above Spec.MaxReplicas' }
      : current < minReplicas
        ? { to: minReplicas, reason: 'Current number of replicas below Spec.MinReplicas' }
        : undefined;
  if (bound) {
    set({
      type: 'AbleToScale',
      status: 'True',
      reason: 'SucceededRescale',
      message: `the HPA controller was able to update the target scale to ${bound.to}`,
    });
    return {
      status: statusWith({ currentReplicas: current, desiredReplicas: bound.to, lastScaleTime: timestamp(now) }),
      rescale: bound,
      events: [],
    };
  }
  const problems = metrics.map(unavailable);
  const [first] = problems;
  if (!first)
    return {
      status: statusWith({ currentReplicas: current, desiredReplicas: current }),
      rescale: undefined,
      events: [],
    };
  set({
    type: 'ScalingActive',
    status: 'False',
    reason: first.reason,
    message: `the HPA was unable to compute the replica count: ${first.message}`,
  });
  const events = [
    ...problems.map(({ reason, message }) => ({ reason, message })),
    {
      reason: 'FailedComputeMetricsReplicas',
      message: `invalid metrics (${problems.length} invalid out of ${metrics.length}), first error is: ${first.wrapped}`,
    },
  ];
  return { status: statusWith({ currentReplicas: current }), rescale: undefined, events };
}

interface Problem {
  readonly reason: string;
  readonly message: string;
  readonly wrapped: string;
}

/** What upstream says where the API that would have the metric is not served. */
function unavailable({ type, resource, containerResource, pods, object, external }: MetricSpec): Problem {
  const missing = (api: string, what: string): string =>
    `unable to fetch metrics from ${api} metrics API: the server could not find the requested resource (get ${what})`;
  const problem = (reason: string, message: string, wrapper: string): Problem => ({
    reason,
    message,
    wrapped: `${wrapper}: ${message}`,
  });
  switch (type) {
    case 'ContainerResource': {
      const name = containerResource?.name ?? '';
      const message = `unable to get metrics for resource ${name}: ${missing('resource', 'pods.metrics.k8s.io')}`;
      return problem(
        'FailedGetContainerResourceMetric',
        `failed to get ${name} usage: ${message}`,
        `failed to get ${name} container metric value`,
      );
    }
    case 'Pods':
      return problem(
        'FailedGetPodsMetric',
        `unable to get metric ${pods?.metric.name}: ${missing('custom', 'custom.metrics.k8s.io')}`,
        'failed to get pods metric value',
      );
    case 'Object':
      return problem(
        'FailedGetObjectMetric',
        `unable to get metric ${object?.metric.name}: ${missing('custom', 'custom.metrics.k8s.io')}`,
        'failed to get object metric value',
      );
    case 'External':
      return problem(
        'FailedGetExternalMetric',
        `unable to get external metric ${external?.metric.name}: ${missing('external', 'external.metrics.k8s.io')}`,
        `failed to get ${external?.metric.name} external metric value`,
      );
    default: {
      const name = resource?.name ?? '';
      const what =
        resource?.target.type === 'AverageValue' ? `failed to get ${name} usage` : `failed to get ${name} utilization`;
      return problem(
        'FailedGetResourceMetric',
        `${what}: unable to get metrics for resource ${name}: ${missing('resource', 'pods.metrics.k8s.io')}`,
        `failed to get ${name} resource metric value`,
      );
    }
  }
}

/** `types`: what a scaleTargetRef may name. */
export function createHorizontalPodAutoscalerController(
  types: () => readonly ResourceType<UnknownObject>[],
): Controller {
  const targetOf = (hpa: HorizontalPodAutoscaler): ResourceType<UnknownObject> => {
    const { apiVersion = '', kind } = hpa.spec.scaleTargetRef;
    const [group = ''] = apiVersion.includes('/') ? apiVersion.split('/') : [''];
    const found = types().find((type) => type.group === group && type.kind === kind);
    if (!found) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
    return found;
  };
  const readScale = async (hpa: HorizontalPodAutoscaler, { client }: ReconcileContext): Promise<Scale | Error> => {
    try {
      const key = { namespace: hpa.metadata?.namespace, name: hpa.spec.scaleTargetRef.name };
      return (await client.get(targetOf(hpa), key, { subresource: 'scale' })) as unknown as Scale;
    } catch (error) {
      return error as Error;
    }
  };

  return {
    name: 'horizontal-pod-autoscaler',
    watches: [
      watchRule({
        type: horizontalPodAutoscalers,
        requests: ({ object }) => [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }],
      }),
    ],
    async reconcile(request, context) {
      const { cache, client, clock, events } = context;
      const hpa = await cache.get(horizontalPodAutoscalers, request);
      if (!hpa || hpa.metadata?.deletionTimestamp) return;
      const scale = await readScale(hpa, context);
      const plan = planAutoscaler(hpa, scale, clock.now());
      if (plan.rescale && !(scale instanceof Error)) {
        await client.update(
          targetOf(hpa),
          { ...scale, spec: { replicas: plan.rescale.to } } as unknown as UnknownObject,
          { subresource: 'scale' },
        );
        events.event(
          hpa,
          'Normal',
          'SuccessfulRescale',
          `New size: ${plan.rescale.to}; reason: ${plan.rescale.reason}`,
        );
      }
      for (const { reason, message } of plan.events) events.event(hpa, 'Warning', reason, message);
      if (!semanticEqual(hpa.status ?? {}, plan.status))
        await client.update(horizontalPodAutoscalers, { ...hpa, status: plan.status }, { subresource: 'status' });
      return { requeueAfterMs: syncMs };
    },
  };
}
