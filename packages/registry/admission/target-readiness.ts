/**
 * Gives pods that stand behind load balancers a readiness gate for each such Service, so that a rolling update waits until the
 * load balancer has found a new pod healthy before an old one goes. A pod's gates are chosen once, when it is made: a Service
 * that comes later does not hold up pods that are there. The AWS Load Balancer Controller does so in namespaces with the label
 * `elbv2.k8s.aws/pod-readiness-gate-inject: enabled`; here it is done unless that label says `disabled`.
 */
import type { PodSpec, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { IngressSpec } from '@nodeless/apimachinery/generated/types/networking/v1';
import { matchesSet } from '@nodeless/apimachinery/labels';
import { dataPathAnnotation } from '@nodeless/apimachinery/service-data-path';
import { healthGatePrefix } from '@nodeless/apimachinery/target-health';
import type { AdmissionPlugin, AdmissionReader } from './admission.ts';

const optOutLabel = 'elbv2.k8s.aws/pod-readiness-gate-inject';
const upstreamPrefix = 'target-health.elbv2.k8s.aws';

export interface TargetReadinessOptions {
  /** Values of spec.loadBalancerClass that are served, beside none. */
  readonly loadBalancerClasses: readonly string[];
  /** spec.controller of the IngressClasses that are served. */
  readonly ingressControllers: readonly string[];
}

export function createTargetReadiness(options: TargetReadinessOptions): AdmissionPlugin {
  const { loadBalancerClasses, ingressControllers } = options;

  const behindIngresses = async (namespace: string, read: AdmissionReader): Promise<ReadonlySet<string>> => {
    const found = await read.list('networking.k8s.io', 'ingresses', namespace);
    if (found.length === 0) return new Set();
    const classes = new Set(
      (await read.list('networking.k8s.io', 'ingressclasses'))
        .filter((one) => ingressControllers.includes((one['spec'] as { controller?: string })?.controller ?? ''))
        .map((one) => one.metadata?.name ?? ''),
    );
    return new Set(
      found.flatMap((ingress) => {
        const spec = ingress['spec'] as IngressSpec | undefined;
        const named = spec?.ingressClassName ?? ingress.metadata?.annotations?.['kubernetes.io/ingress.class'] ?? '';
        if (!classes.has(named)) return [];
        const backends = [
          spec?.defaultBackend,
          ...(spec?.rules ?? []).flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend)),
        ];
        return backends.flatMap((backend) => (backend?.service?.name ? [backend.service.name] : []));
      }),
    );
  };

  return {
    name: 'TargetReadiness',
    handles: ({ resource, subresource, operation }) =>
      resource.group === '' && resource.resource === 'pods' && subresource === '' && operation === 'CREATE',
    async admit({ object, namespace }, read) {
      const spec = object?.['spec'] as PodSpec | undefined;
      if (!object || !spec || spec.hostNetwork) return;
      const labels = object.metadata?.labels ?? {};
      const selecting = (await read.list('', 'services', namespace)).filter((service) => {
        const { selector } = (service['spec'] ?? {}) as ServiceSpec;
        return selector && Object.keys(selector).length > 0 && matchesSet(selector, labels);
      });
      if (selecting.length === 0) return;
      if ((await read.get('', 'namespaces', '', namespace))?.metadata?.labels?.[optOutLabel] === 'disabled') return;
      const routed = await behindIngresses(namespace, read);
      const balanced = selecting.filter((service) => {
        const { type, loadBalancerClass } = (service['spec'] ?? {}) as ServiceSpec;
        const direct =
          (type === 'LoadBalancer' && (!loadBalancerClass || loadBalancerClasses.includes(loadBalancerClass))) ||
          service.metadata?.annotations?.[dataPathAnnotation] === 'nlb';
        return (direct || routed.has(service.metadata?.name ?? '')) && !service.metadata?.deletionTimestamp;
      });
      const present = new Set((spec.readinessGates ?? []).map(({ conditionType }) => conditionType));
      const gates = balanced
        .map((service) => ({ conditionType: healthGatePrefix + (service.metadata?.name ?? '') }))
        .filter(({ conditionType }) => !present.has(conditionType));
      if (gates.length === 0) return;
      spec.readinessGates = [
        // Of a controller that is not here: nobody would ever open them.
        ...(spec.readinessGates ?? []).filter(({ conditionType }) => !conditionType.startsWith(upstreamPrefix)),
        ...gates,
      ];
    },
  };
}
