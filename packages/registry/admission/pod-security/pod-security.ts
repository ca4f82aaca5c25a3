import type { Pod, PodSpec, PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { forbidden } from '@nodeless/apimachinery/status';
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts';
import { baselineChecks } from './baseline.ts';
import type { PodCheck, Violation } from './check.ts';
import { restrictedChecks } from './restricted.ts';

type Level = 'privileged' | 'baseline' | 'restricted';
type Mode = 'enforce' | 'audit' | 'warn';

interface Policy {
  readonly level: Level;
  /** `latest` or `v1.N`. */
  readonly version: string;
}

const prefix = 'pod-security.kubernetes.io/';
const servedMinor = 36;

/** Where a workload keeps its pod template. */
const templates: Record<string, (object: UnknownObject) => PodTemplateSpec | undefined> = {
  replicationcontrollers: specTemplate,
  podtemplates: (object) => object['template'] as PodTemplateSpec | undefined,
  'replicasets.apps': specTemplate,
  'deployments.apps': specTemplate,
  'statefulsets.apps': specTemplate,
  'daemonsets.apps': specTemplate,
  'jobs.batch': specTemplate,
  'cronjobs.batch': (object) => (object['spec'] as { jobTemplate?: { spec?: { template?: PodTemplateSpec } } } | undefined)?.jobTemplate?.spec?.template,
};

function specTemplate(object: UnknownObject): PodTemplateSpec | undefined {
  return (object['spec'] as { template?: PodTemplateSpec } | undefined)?.template;
}

const keyOf = ({ resource }: AdmissionAttributes): string => (resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`);

/** Enforces the Pod Security Standard that a namespace's labels ask for; workloads are warned about, pods are refused. */
export const podSecurity: AdmissionPlugin = {
  name: 'PodSecurity',
  handles: (attributes) =>
    (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') &&
    (keyOf(attributes) === 'pods' ? attributes.subresource === '' || attributes.subresource === 'ephemeralcontainers' || attributes.subresource === 'resize' : attributes.subresource === '' && Object.hasOwn(templates, keyOf(attributes))),
  async validate(attributes, read) {
    const labels = (await read.get('', 'namespaces', '', attributes.namespace))?.metadata?.labels ?? {};
    if (!Object.keys(labels).some((key) => key.startsWith(prefix))) return;
    const key = keyOf(attributes);
    const object = attributes.object as UnknownObject;
    if (key === 'pods') {
      if (attributes.operation === 'UPDATE' && !significant(object, attributes.oldObject)) return;
      return evaluatePod(attributes, labels, object as Pod);
    }
    const template = templates[key]?.(object);
    if (template?.spec) report(attributes, labels, { metadata: template.metadata, spec: template.spec });
  },
};

/** What cannot make a pod worse is not looked at again: everything but images, profiles by annotation and new ephemeral containers. */
function significant(object: UnknownObject, old: Readonly<UnknownObject> | undefined): boolean {
  const shown = (pod: Readonly<UnknownObject> | undefined): unknown => {
    const { metadata, spec } = (pod ?? {}) as Pod;
    const { tolerations: _t, activeDeadlineSeconds: _a, terminationGracePeriodSeconds: _g, ...rest }: Partial<PodSpec> = spec ?? {};
    const strip = <C extends { image?: string }>({ image: _, ...container }: C): unknown => container;
    const profiles = Object.entries(metadata?.annotations ?? {}).filter(([key]) => key.startsWith('container.apparmor.') || key.startsWith('seccomp.'));
    return [profiles, { ...rest, containers: rest.containers?.map(strip), initContainers: rest.initContainers?.map(strip) }];
  };
  return JSON.stringify(shown(object)) !== JSON.stringify(shown(old));
}

function policyOf(labels: Readonly<Record<string, string>>, mode: Mode): Policy {
  const level = labels[`${prefix}${mode}`];
  const version = labels[`${prefix}${mode}-version`] ?? 'latest';
  // A level that does not exist is taken as the strictest, as upstream does for enforce.
  if (level === undefined) return { level: 'privileged', version };
  if (level === 'privileged' || level === 'baseline' || level === 'restricted') return { level, version };
  return { level: 'restricted', version: 'latest' };
}

function evaluatePod(attributes: AdmissionAttributes, labels: Readonly<Record<string, string>>, pod: Pod): void {
  const enforce = policyOf(labels, 'enforce');
  const violations = violationsOf(enforce, pod);
  attributes.annotate(`${prefix}enforce-policy`, `${enforce.level}:${enforce.version}`);
  if (violations.length > 0) throw forbidden(attributes.resource, attributes.name, describe(enforce, violations, 'violates'));
  report(attributes, labels, pod);
}

function report(attributes: AdmissionAttributes, labels: Readonly<Record<string, string>>, pod: Pod): void {
  const audit = policyOf(labels, 'audit');
  const audited = violationsOf(audit, pod);
  if (audited.length > 0) attributes.annotate(`${prefix}audit-violations`, describe(audit, audited, 'would violate'));
  const warn = policyOf(labels, 'warn');
  const warned = violationsOf(warn, pod);
  if (warned.length > 0) attributes.warn(describe(warn, warned, 'would violate'));
}

function describe({ level, version }: Policy, violations: readonly Violation[], verb: string): string {
  return `${verb} PodSecurity ${JSON.stringify(`${level}:${version}`)}: ${violations.map(({ reason, detail }) => `${reason} (${detail})`).join(', ')}`;
}

/** Everything about the pod that the policy forbids, in upstream's order. */
export function violationsOf({ level, version }: Policy, pod: Readonly<Pod>): Violation[] {
  if (level === 'privileged') return [];
  const minor = version === 'latest' ? servedMinor : Number(/^v1\.(\d+)$/.exec(version)?.[1] ?? servedMinor);
  const applies = (check: PodCheck): boolean => (check.since ?? 0) <= minor;
  const checks = level === 'baseline' ? baselineChecks.filter(applies) : [...baselineChecks.filter((check) => !check.overriddenByRestricted && applies(check)), ...restrictedChecks];
  return checks.map((check) => check.check(pod)).filter((violation) => violation !== undefined);
}

