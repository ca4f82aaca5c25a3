/** Metrics of autoscaling/v2 as autoscaling/v1 writes them in annotations, and back. */
import type * as v1 from '@nodeless/apimachinery/generated/types/autoscaling/v1';
import type * as v2 from '@nodeless/apimachinery/generated/types/autoscaling/v2';

/** Leaves out what is undefined, so that the JSON has Go's omitempty. */
function compact<T extends object>(value: T): T {
  for (const key of Object.keys(value) as (keyof T)[]) if (value[key] === undefined) delete value[key];
  return value;
}

export function specToV1(metric: Readonly<v2.MetricSpec>): v1.MetricSpec {
  const { type, object, pods, resource, containerResource, external } = metric;
  return compact<v1.MetricSpec>({
    type,
    object:
      object &&
      compact({
        target: compact({
          kind: object.describedObject.kind,
          name: object.describedObject.name,
          apiVersion: object.describedObject.apiVersion,
        }),
        metricName: object.metric.name,
        targetValue: object.target.value ?? '0',
        selector: object.metric.selector,
        averageValue: object.target.averageValue,
      }),
    pods:
      pods &&
      compact({
        metricName: pods.metric.name,
        targetAverageValue: pods.target.averageValue ?? '0',
        selector: pods.metric.selector,
      }),
    resource:
      resource &&
      compact({
        name: resource.name,
        targetAverageUtilization: resource.target.averageUtilization,
        targetAverageValue: resource.target.averageValue,
      }),
    containerResource:
      containerResource &&
      compact({
        name: containerResource.name,
        targetAverageUtilization: containerResource.target.averageUtilization,
        targetAverageValue: containerResource.target.averageValue,
        container: containerResource.container,
      }),
    external:
      external &&
      compact({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        targetValue: external.target.value,
        targetAverageValue: external.target.averageValue,
      }),
  });
}

const utilizationTarget = (
  utilization: number | undefined,
  averageValue: v2.MetricTarget['averageValue'],
): v2.MetricTarget =>
  compact({
    type: utilization === undefined ? 'AverageValue' : 'Utilization',
    averageValue,
    averageUtilization: utilization,
  });

export function specFromV1(metric: Readonly<v1.MetricSpec>): v2.MetricSpec {
  const { type, object, pods, resource, containerResource, external } = metric;
  return compact<v2.MetricSpec>({
    type,
    object: object && {
      describedObject: object.target,
      target: compact(
        object.averageValue === undefined
          ? { type: 'Value', value: object.targetValue ?? '0' }
          : {
              type: 'AverageValue',
              value: isZero(object.targetValue) ? undefined : object.targetValue,
              averageValue: object.averageValue,
            },
      ),
      metric: compact({ name: object.metricName, selector: object.selector }),
    },
    pods: pods && {
      metric: compact({ name: pods.metricName, selector: pods.selector }),
      target: { type: 'AverageValue', averageValue: pods.targetAverageValue ?? '0' },
    },
    resource: resource && {
      name: resource.name,
      target: utilizationTarget(resource.targetAverageUtilization, resource.targetAverageValue),
    },
    containerResource: containerResource && {
      name: containerResource.name,
      target: utilizationTarget(containerResource.targetAverageUtilization, containerResource.targetAverageValue),
      container: containerResource.container,
    },
    external: external && {
      metric: compact({ name: external.metricName, selector: external.metricSelector }),
      target: compact({
        type: external.targetValue === undefined ? 'AverageValue' : 'Value',
        value: external.targetValue,
        averageValue: external.targetAverageValue,
      }),
    },
  });
}

const isZero = (quantity: v1.ObjectMetricSource['targetValue'] | undefined): boolean =>
  quantity === undefined || /^0*$/.test(String(quantity));

export function statusToV1(metric: Readonly<v2.MetricStatus>): v1.MetricStatus {
  const { type, object, pods, resource, containerResource, external } = metric;
  return compact<v1.MetricStatus>({
    type,
    object:
      object &&
      compact({
        target: object.describedObject,
        metricName: object.metric.name,
        currentValue: object.current.value ?? '0',
        selector: object.metric.selector,
        averageValue: object.current.averageValue,
      }),
    pods:
      pods &&
      compact({
        metricName: pods.metric.name,
        currentAverageValue: pods.current.averageValue ?? '0',
        selector: pods.metric.selector,
      }),
    resource:
      resource &&
      compact({
        name: resource.name,
        currentAverageUtilization: resource.current.averageUtilization,
        currentAverageValue: resource.current.averageValue ?? '0',
      }),
    containerResource:
      containerResource &&
      compact({
        name: containerResource.name,
        currentAverageUtilization: containerResource.current.averageUtilization,
        currentAverageValue: containerResource.current.averageValue ?? '0',
        container: containerResource.container,
      }),
    external:
      external &&
      compact({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        currentValue: external.current.value ?? '0',
        currentAverageValue: external.current.averageValue,
      }),
  });
}

export function statusFromV1(metric: Readonly<v1.MetricStatus>): v2.MetricStatus {
  const { type, object, pods, resource, containerResource, external } = metric;
  return compact<v2.MetricStatus>({
    type,
    object: object && {
      describedObject: object.target,
      current: compact({ value: object.currentValue, averageValue: object.averageValue }),
      metric: compact({ name: object.metricName, selector: object.selector }),
    },
    pods: pods && {
      metric: compact({ name: pods.metricName, selector: pods.selector }),
      current: { averageValue: pods.currentAverageValue },
    },
    resource: resource && {
      name: resource.name,
      current: compact({
        averageValue: resource.currentAverageValue,
        averageUtilization: resource.currentAverageUtilization,
      }),
    },
    containerResource: containerResource && {
      name: containerResource.name,
      current: compact({
        averageValue: containerResource.currentAverageValue,
        averageUtilization: containerResource.currentAverageUtilization,
      }),
      container: containerResource.container,
    },
    external: external && {
      metric: compact({ name: external.metricName, selector: external.metricSelector }),
      current: compact({ value: external.currentValue, averageValue: external.currentAverageValue }),
    },
  });
}
