/** Defaults of a pod spec, wherever it stands: in a pod or in a template. */
import type {
  Container,
  EphemeralContainer,
  HTTPGetAction,
  LifecycleHandler,
  PodSpec,
  PodTemplateSpec,
  Probe,
} from '@nodeless/apimachinery/generated/types/core/v1';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import { isLatest } from './image-reference.ts';
import {
  defaultPodLevelResources,
  requestsFromLimits,
  roundRequirements,
  roundResourceList,
} from './resource-defaults.ts';
import { defaultVolume } from './volume-defaults.ts';

export function defaultPodTemplate(template: PodTemplateSpec | undefined): void {
  if (!template) return;
  dropInitContainerAnnotations(template);
  if (template.spec) defaultPodSpec(template.spec);
}

/** How init containers were written before they were a field. */
const initContainerAnnotations = [
  'pod.beta.kubernetes.io/init-containers',
  'pod.alpha.kubernetes.io/init-containers',
  'pod.beta.kubernetes.io/init-container-statuses',
  'pod.alpha.kubernetes.io/init-container-statuses',
];

export function dropInitContainerAnnotations(object: { metadata?: ObjectMeta }): void {
  const annotations = object.metadata?.annotations;
  if (annotations === undefined) return;
  for (const key of initContainerAnnotations) if (annotations[key] !== undefined) delete annotations[key];
}

/** Before `defaultPodSpec`, and only in pods: adding these to templates would roll out every workload after an upgrade. */
export function defaultPodOnly(spec: PodSpec): void {
  for (const container of spec.containers ?? []) requestsFromLimits(container.resources);
  for (const container of spec.initContainers ?? []) requestsFromLimits(container.resources);
  defaultPodLevelResources(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork === true) {
    defaultHostPorts(spec.containers);
    defaultHostPorts(spec.initContainers);
  }
}

function defaultHostPorts(containers: readonly Container[] | undefined): void {
  for (const container of containers ?? []) {
    for (const port of container.ports ?? []) {
      if (!port.hostPort) port.hostPort = port.containerPort;
    }
  }
}

export function defaultPodSpec(spec: PodSpec): void {
  if (!spec.dnsPolicy) spec.dnsPolicy = 'ClusterFirst';
  if (!spec.restartPolicy) spec.restartPolicy = 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  if (!spec.schedulerName) spec.schedulerName = 'default-scheduler';
  // The deprecated name and the new one are one field in the API server's own form.
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName;
  else if (spec.serviceAccount) spec.serviceAccountName = spec.serviceAccount;
  if (spec.volumes) for (const volume of spec.volumes) defaultVolume(volume);
  if (spec.initContainers) for (const container of spec.initContainers) defaultContainer(container);
  if (spec.containers) for (const container of spec.containers) defaultContainer(container);
  if (spec.ephemeralContainers) for (const container of spec.ephemeralContainers) defaultContainer(container);
  roundResourceList(spec.overhead);
  roundRequirements(spec.resources);
}

function defaultContainer(container: Container | EphemeralContainer): void {
  if (!container.imagePullPolicy)
    container.imagePullPolicy = isLatest(container.image ?? '') ? 'Always' : 'IfNotPresent';
  if (!container.terminationMessagePath) container.terminationMessagePath = '/dev/termination-log';
  if (!container.terminationMessagePolicy) container.terminationMessagePolicy = 'File';
  container.resources ??= {};
  roundRequirements(container.resources);
  if (container.ports) {
    for (const port of container.ports) if (!port.protocol) port.protocol = 'TCP';
  }
  if (container.env) {
    for (const variable of container.env) {
      const from = variable.valueFrom;
      if (from === undefined) continue;
      if (from.fieldRef !== undefined && !from.fieldRef.apiVersion) from.fieldRef.apiVersion = 'v1';
      if (from.fileKeyRef !== undefined) from.fileKeyRef.optional ??= false;
      // A divisor of 0 means 1 and is written out.
      if (from.resourceFieldRef !== undefined) from.resourceFieldRef.divisor ??= '0';
    }
  }
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  if (container.lifecycle !== undefined) {
    defaultHandler(container.lifecycle.postStart);
    defaultHandler(container.lifecycle.preStop);
  }
}

function defaultProbe(probe: Probe | undefined): void {
  if (probe === undefined) return;
  if (!probe.timeoutSeconds) probe.timeoutSeconds = 1;
  if (!probe.periodSeconds) probe.periodSeconds = 10;
  if (!probe.successThreshold) probe.successThreshold = 1;
  if (!probe.failureThreshold) probe.failureThreshold = 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc !== undefined) probe.grpc.service ??= '';
}

function defaultHandler(handler: LifecycleHandler | undefined): void {
  if (handler !== undefined) defaultHttpGet(handler.httpGet);
}

function defaultHttpGet(action: HTTPGetAction | undefined): void {
  if (action === undefined) return;
  if (!action.path) action.path = '/';
  if (!action.scheme) action.scheme = 'HTTP';
}
