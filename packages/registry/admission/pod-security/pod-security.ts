import type { Pod, PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts';
import { refuse } from '../refuse.ts';
import type { Violation } from './check.ts';
import { violationsOf } from './evaluate.ts';
import { checkNamespace } from './namespace.ts';
import { labelPrefix, nameOf, type Policies, type Policy, policyOf } from './policy.ts';

/** Where a workload keeps its pod template. */
const templates: Record<string, (object: UnknownObject) => PodTemplateSpec | undefined> = {
  replicationcontrollers: specTemplate,
  podtemplates: (object) => object['template'] as PodTemplateSpec | undefined,
  'replicasets.apps': specTemplate,
  'deployments.apps': specTemplate,
  'statefulsets.apps': specTemplate,
  'daemonsets.apps': specTemplate,
  'jobs.batch': specTemplate,
  'cronjobs.batch': (object) =>
    (object['spec'] as { jobTemplate?: { spec?: { template?: PodTemplateSpec } } } | undefined)?.jobTemplate?.spec
      ?.template,
};

function specTemplate(object: UnknownObject): PodTemplateSpec | undefined {
  return (object['spec'] as { template?: PodTemplateSpec } | undefined)?.template;
}

const keyOf = ({ resource }: AdmissionAttributes): string =>
  resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`;

/** Enforces the Pod Security Standard that a namespace's labels ask for; workloads are warned about, pods are refused. */
export const podSecurity: AdmissionPlugin = {
  name: 'PodSecurity',
  handles(attributes) {
    if (attributes.operation !== 'CREATE' && attributes.operation !== 'UPDATE') return false;
    const key = keyOf(attributes);
    if (key === 'pods')
      return (
        attributes.subresource === '' ||
        attributes.subresource === 'ephemeralcontainers' ||
        attributes.subresource === 'resize'
      );
    return attributes.subresource === '' && (key === 'namespaces' || Object.hasOwn(templates, key));
  },
  async validate(attributes, read) {
    const key = keyOf(attributes);
    const object = attributes.object as UnknownObject;
    if (key === 'namespaces') return checkNamespace(attributes, read);
    const { policy } = policyOf((await read.get('', 'namespaces', '', attributes.namespace))?.metadata?.labels);
    if (key === 'pods') {
      if (attributes.operation === 'UPDATE' && !isSignificant(object as Pod, attributes.oldObject as Pod)) return;
      return evaluatePod(attributes, policy, object as Pod);
    }
    const template = templates[key]?.(object);
    if (!template?.spec) return;
    const pod = { metadata: template.metadata, spec: template.spec };
    annotateAudit(attributes, policy, pod);
    warnOf(attributes, policy, pod);
  },
};

/** What an update may change that the checks look at: images, profiles by annotation, and which containers there are. */
function isSignificant(pod: Pod, old: Pod): boolean {
  const seccomp = (p: Pod, key: string): string | undefined => p.metadata?.annotations?.[key];
  if (
    seccomp(pod, 'seccomp.security.alpha.kubernetes.io/pod') !==
    seccomp(old, 'seccomp.security.alpha.kubernetes.io/pod')
  )
    return true;
  const changed = (container: { name: string; image?: string }, before: { image?: string } | undefined): boolean => {
    const key = `container.seccomp.security.alpha.kubernetes.io/${container.name}`;
    return !before || container.image !== before.image || seccomp(pod, key) !== seccomp(old, key);
  };
  for (const field of ['containers', 'initContainers'] as const) {
    const [now, before] = [pod.spec?.[field] ?? [], old.spec?.[field] ?? []];
    if (now.length !== before.length || now.some((container, i) => changed(container, before[i]))) return true;
  }
  return (pod.spec?.ephemeralContainers ?? []).some((container) =>
    changed(
      container,
      old.spec?.ephemeralContainers?.find((c) => c.name === container.name),
    ),
  );
}

function evaluatePod(attributes: AdmissionAttributes, policy: Policies, pod: Pod): void {
  const { enforce } = policy;
  attributes.annotate(`${labelPrefix}enforce-policy`, nameOf(enforce));
  const violations = violationsOf(enforce, pod);
  annotateAudit(attributes, policy, pod);
  if (violations.length > 0) throw refuse(attributes, describe(enforce, violations, 'violates'));
  warnOf(attributes, policy, pod);
}

function annotateAudit(attributes: AdmissionAttributes, { audit }: Policies, pod: Pod): void {
  const violations = violationsOf(audit, pod);
  if (violations.length > 0)
    attributes.annotate(`${labelPrefix}audit-violations`, describe(audit, violations, 'would violate'));
}

function warnOf(attributes: AdmissionAttributes, { warn }: Policies, pod: Pod): void {
  const violations = violationsOf(warn, pod);
  if (violations.length > 0) attributes.warn(describe(warn, violations, 'would violate'));
}

function describe(policy: Policy, violations: readonly Violation[], verb: string): string {
  return `${verb} PodSecurity ${JSON.stringify(nameOf(policy))}: ${violations.map(({ reason, detail }) => `${reason} (${detail})`).join(', ')}`;
}
