/** Objects as a user would send them, for tests against a whole cluster. */
import type { Deployment } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { Container, Pod, PodSpec, PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';

export interface NewPod {
  readonly image?: string;
  readonly resources?: Container['resources'];
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly namespace?: string;
  readonly restartPolicy?: string;
  readonly spec?: Partial<PodSpec>;
  readonly metadata?: ObjectMeta;
}

export function podTemplate({
  image = 'run',
  resources,
  labels,
  annotations,
  restartPolicy,
  spec,
}: NewPod = {}): PodTemplateSpec {
  return {
    metadata: { ...(labels && { labels }), ...(annotations && { annotations }) },
    spec: {
      containers: [{ name: 'c', image, ...(resources && { resources }) }],
      ...(restartPolicy && { restartPolicy }),
      ...spec,
    },
  };
}

export function newPod(name: string, options: NewPod = {}): Pod {
  const { metadata, spec } = podTemplate(options);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: options.namespace ?? 'default', ...metadata, ...options.metadata },
    spec,
  };
}

/** Its pods carry `app: <name>`. */
export function newDeployment(
  name: string,
  spec: Partial<NonNullable<Deployment['spec']>> = {},
  pod: NewPod = {},
): Deployment {
  const labels = { app: name, ...pod.labels };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: pod.namespace ?? 'default' },
    spec: { replicas: 3, selector: { matchLabels: { app: name } }, template: podTemplate({ ...pod, labels }), ...spec },
  };
}

export function newJob(name: string, spec: Partial<NonNullable<Job['spec']>> = {}, pod: NewPod = {}): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: pod.namespace ?? 'default' },
    spec: { template: podTemplate({ image: 'exit-0', restartPolicy: 'Never', ...pod }), ...spec },
  };
}
