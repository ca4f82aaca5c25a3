import type {
  Container,
  ContainerResizePolicy,
  ContainerRestartRule,
  ContainerPort,
  EphemeralContainer,
  PodSpec,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { notFoundValue, tooMany } from '@nodeless/apimachinery/field-errors';
import { isDns1123Label, isPortName, isPortNumber } from '@nodeless/apimachinery/names';
import {
  check,
  checkOneOf,
  checkRequiredOneOf,
  duplicate,
  type Faults,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../../checks.ts';
import { checkEnv, checkEnvFrom } from './env-validation.ts';
import { checkVolumeDevices, checkVolumeMounts, type Volumes } from './mount-validation.ts';
import type { PodOptions } from './options.ts';
import { checkLifecycle, checkProbe } from './probe-validation.ts';
import { checkContainerResources } from './resource-validation.ts';
import { checkContainerSecurity } from './security-validation.ts';
import { checkPullPolicy } from './volume-validation.ts';

export interface ContainerContext {
  readonly spec: Readonly<PodSpec>;
  readonly volumes: Volumes;
  readonly claimNames: ReadonlySet<string>;
  readonly hostUsers: boolean;
  readonly options: PodOptions;
}

export function checkContainers(faults: Faults, path: string, context: ContainerContext): void {
  const containers = context.spec.containers ?? [];
  if (containers.length === 0) {
    faults.push(required(path));
    return;
  }
  const names = new Set<string>();
  for (let i = 0; i < containers.length; i++) {
    const container = containers[i]!;
    const at = `${path}[${i}]`;
    checkCommon(faults, at, container, context);
    const name = container.name ?? '';
    if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
    names.add(name);
    checkLife(faults, at, container, context);
    checkRestartPolicy(faults, at, container);
  }
  checkHostPorts(faults, path, containers);
}

export function checkInitContainers(faults: Faults, path: string, context: ContainerContext): void {
  const { spec, options } = context;
  const names = new Set((spec.containers ?? []).map((c) => c.name ?? ''));
  (spec.initContainers ?? []).forEach((container, i) => {
    const at = `${path}[${i}]`;
    checkCommon(faults, at, container, context);
    const isSidecar = container.restartPolicy === 'Always';
    if (container.restartPolicy !== undefined) checkRestartPolicy(faults, at, container);
    else if (container.restartPolicyRules?.length)
      faults.push(required(`${at}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
    const name = container.name ?? '';
    if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
    else if (name !== '') names.add(name);
    checkHostPorts(faults, path, [container]);
    if (isSidecar) checkLife(faults, at, container, context);
    else {
      for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
        if (container[field])
          faults.push(forbidden(`${at}.${field}`, 'may not be set for init containers without restartPolicy=Always'));
      }
      if (!options.allowRestartForInitContainers) {
        container.resizePolicy?.forEach((policy, j) => {
          if (policy.restartPolicy === 'RestartContainer') {
            faults.push(
              invalid(
                `${at}.resizePolicy[${j}].restartPolicy`,
                policy.restartPolicy,
                "must not be set to 'RestartContainer' for non-sidecar initContainers",
              ),
            );
          }
        });
      }
    }
  });
}

const ephemeralRefusals = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;

export function checkEphemeralContainers(faults: Faults, path: string, context: ContainerContext): void {
  const { spec } = context;
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.name ?? ''));
  const names = new Set(others);
  (spec.ephemeralContainers ?? []).forEach((container, i) => {
    const at = `${path}[${i}]`;
    checkCommon(faults, at, container, context);
    checkImageSpaces(faults, at, container);
    const name = container.name ?? '';
    if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
    names.add(name);
    if (container.targetContainerName && !others.has(container.targetContainerName)) {
      faults.push(notFoundValue(`${at}.targetContainerName`, container.targetContainerName));
    }
    for (const field of ephemeralRefusals) {
      if (isSet(container[field])) faults.push(forbidden(`${at}.${field}`, 'cannot be set for an Ephemeral Container'));
    }
    container.volumeMounts?.forEach((mount, j) => {
      if (mount.subPath)
        faults.push(forbidden(`${at}.volumeMounts[${j}].subPath`, 'cannot be set for an Ephemeral Container'));
      if (mount.subPathExpr)
        faults.push(forbidden(`${at}.volumeMounts[${j}].subPathExpr`, 'cannot be set for an Ephemeral Container'));
    });
  });
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

/** Only in pods: templates keep what they have. */
export function checkImageSpaces(
  faults: Faults,
  path: string,
  container: Readonly<Container | EphemeralContainer>,
): void {
  const image = container.image ?? '';
  if (image.trim() !== image)
    faults.push(invalid(`${path}.image`, image, 'must not have leading or trailing whitespace'));
}

function checkCommon(
  faults: Faults,
  path: string,
  container: Readonly<Container | EphemeralContainer>,
  context: ContainerContext,
): void {
  if (!container.name) faults.push(required(`${path}.name`));
  else check(faults, `${path}.name`, container.name, isDns1123Label(container.name));
  if (!container.image) faults.push(required(`${path}.image`));
  checkRequiredOneOf(faults, `${path}.terminationMessagePolicy`, container.terminationMessagePolicy, [
    'File',
    'FallbackToLogsOnError',
  ]);
  if (container.ports) checkPorts(faults, `${path}.ports`, container.ports);
  if (container.env) checkEnv(faults, `${path}.env`, container.env);
  if (container.envFrom) checkEnvFrom(faults, `${path}.envFrom`, container.envFrom);
  if (container.volumeMounts) checkVolumeMounts(faults, `${path}.volumeMounts`, container, context.volumes);
  if (container.volumeDevices) checkVolumeDevices(faults, `${path}.volumeDevices`, container, context.volumes);
  checkPullPolicy(faults, `${path}.imagePullPolicy`, container.imagePullPolicy);
  checkContainerResources(faults, `${path}.resources`, container.resources, {
    claimNames: context.claimNames,
    allowIndivisibleHugePages: context.options.allowIndivisibleHugePages,
  });
  if (container.resizePolicy)
    checkResizePolicy(faults, `${path}.resizePolicy`, container.resizePolicy, context.spec.restartPolicy);
  checkContainerSecurity(faults, `${path}.securityContext`, container.securityContext, context.hostUsers);
}

function checkLife(faults: Faults, path: string, container: Readonly<Container>, context: ContainerContext): void {
  const gracePeriod = context.spec.terminationGracePeriodSeconds;
  checkLifecycle(faults, `${path}.lifecycle`, container.lifecycle, gracePeriod);
  checkProbe(faults, `${path}.livenessProbe`, container.livenessProbe, { kind: 'liveness', gracePeriod });
  checkProbe(faults, `${path}.readinessProbe`, container.readinessProbe, { kind: 'readiness', gracePeriod });
  checkProbe(faults, `${path}.startupProbe`, container.startupProbe, { kind: 'startup', gracePeriod });
}

export const protocols = ['SCTP', 'TCP', 'UDP'];

function checkPorts(faults: Faults, path: string, ports: readonly ContainerPort[]): void {
  const names = new Set<string>();
  ports.forEach((port, i) => {
    const at = `${path}[${i}]`;
    if (port.name) {
      const complaints = isPortName(port.name);
      if (complaints.length > 0) check(faults, `${at}.name`, port.name, complaints);
      else if (names.has(port.name)) faults.push(duplicate(`${at}.name`, port.name));
      else names.add(port.name);
    }
    if (!port.containerPort) faults.push(required(`${at}.containerPort`));
    else check(faults, `${at}.containerPort`, port.containerPort, isPortNumber(port.containerPort));
    if (port.hostPort) check(faults, `${at}.hostPort`, port.hostPort, isPortNumber(port.hostPort));
    checkRequiredOneOf(faults, `${at}.protocol`, port.protocol, protocols);
  });
}

function checkHostPorts(faults: Faults, path: string, containers: readonly Container[]): void {
  let taken: Set<string> | undefined;
  containers.forEach((container, i) => {
    container.ports?.forEach((port, j) => {
      if (!port.hostPort) return;
      const key = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`;
      taken ??= new Set();
      if (taken.has(key)) faults.push(duplicate(`${path}[${i}].ports[${j}].hostPort`, key));
      taken.add(key);
    });
  });
}

function checkResizePolicy(
  faults: Faults,
  path: string,
  policies: readonly ContainerResizePolicy[],
  podRestartPolicy: string | undefined,
): void {
  const seen = new Set<string>();
  policies.forEach(({ resourceName, restartPolicy }, i) => {
    if (seen.has(resourceName ?? '')) faults.push(duplicate(`${path}[${i}]`, resourceName ?? ''));
    seen.add(resourceName ?? '');
    checkRequiredOneOf(faults, path, resourceName, ['cpu', 'memory']);
    checkRequiredOneOf(faults, path, restartPolicy, ['NotRequired', 'RestartContainer']);
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      faults.push(invalid(path, restartPolicy ?? '', "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
    }
  });
}

function checkRestartPolicy(faults: Faults, path: string, container: Readonly<Container>): void {
  const policy = container.restartPolicy;
  const rules = container.restartPolicyRules ?? [];
  if (policy === undefined) {
    if (rules.length === 0) return;
    faults.push(required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
  } else {
    checkOneOf(faults, `${path}.restartPolicy`, policy, ['Always', 'Never', 'OnFailure']);
  }
  if (rules.length > 20) faults.push(tooMany(`${path}.restartPolicyRules`, rules.length, 20));
  rules.forEach((rule: Readonly<ContainerRestartRule>, i) => {
    const at = `${path}.restartPolicyRules[${i}]`;
    checkOneOf(faults, `${at}.action`, rule.action, ['Restart', 'RestartAllContainers']);
    if (!rule.exitCodes) {
      faults.push(required(`${at}.exitCodes`, 'must be specified'));
      return;
    }
    const { operator, values = [] } = rule.exitCodes;
    if (operator !== 'In' && operator !== 'NotIn')
      faults.push(notSupported(`${at}.exitCodes.operator`, operator ?? '', ['In', 'NotIn']));
    if (values.length > 255) faults.push(tooMany(`${at}.exitCodes.values`, values.length, 255));
  });
}
