import type { PodResourceClaim, PodSpec, Toleration } from '@nodeless/apimachinery/generated/types/core/v1';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import { inclusiveRangeError, isLabelValue } from '@nodeless/apimachinery/names';
import { notFoundValue } from '@nodeless/apimachinery/field-errors';
import {
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabels,
  checkObjectName,
  checkQualifiedName,
  checkRequiredOneOf,
  duplicate,
  type Faults,
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../checks.ts';
import { internalValue } from '../../internal-value.ts';
import { checkAffinity } from './affinity-validation.ts';
import {
  checkContainers,
  checkEphemeralContainers,
  checkInitContainers,
  type ContainerContext,
} from './container-validation.ts';
import { checkDnsConfig, checkHostAliases } from './dns-validation.ts';
import type { PodOptions } from './options.ts';
import { checkContainerResources, checkPodResources } from './resource-validation.ts';
import { checkPodSecurity } from './security-validation.ts';
import { checkSpreadConstraints } from './spread-validation.ts';
import { checkVolumes } from './volume-validation.ts';
import { checkHostProcess, checkLinuxOnly, checkWindowsOnly, visitContainers } from './windows-validation.ts';

/** `metadata`: of the pod itself; undefined for a template. */
export function checkPodSpec(
  faults: Faults,
  path: string,
  spec: Readonly<PodSpec>,
  metadata: Readonly<ObjectMeta> | undefined,
  options: PodOptions,
): void {
  if (spec.terminationGracePeriodSeconds === undefined) faults.push(required(`${path}.terminationGracePeriodSeconds`));
  const volumes = checkVolumes(faults, `${path}.volumes`, spec.volumes, { podName: metadata?.name ?? '', options });
  const claims = spec.resourceClaims ?? [];
  if (claims.length > 0) checkResourceClaims(faults, `${path}.resourceClaims`, claims, metadata);
  const context: ContainerContext = {
    spec,
    volumes,
    claimNames: claims.length === 0 ? noNames : new Set(claims.map((c) => c.name ?? '').filter((name) => name !== '')),
    hostUsers: spec.hostUsers !== false,
    options,
  };
  checkContainers(faults, `${path}.containers`, context);
  if (spec.initContainers) checkInitContainers(faults, `${path}.initContainers`, context);
  if (spec.ephemeralContainers) checkEphemeralContainers(faults, `${path}.ephemeralContainers`, context);
  checkPodResources(faults, `${path}.resources`, spec, {
    claimNames: context.claimNames,
    allowIndivisibleHugePages: options.allowIndivisibleHugePages,
  });
  if (spec.hostNetwork) checkHostNetworkPorts(faults, path, spec, options.isPod);
  checkRequiredOneOf(faults, `${path}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  checkRequiredOneOf(faults, `${path}.dnsPolicy`, spec.dnsPolicy, [
    'ClusterFirstWithHostNet',
    'ClusterFirst',
    'Default',
    'None',
  ]);
  checkLabels(faults, `${path}.nodeSelector`, spec.nodeSelector);
  checkPodSecurity(faults, `${path}.securityContext`, spec, options);
  checkAffinity(faults, `${path}.affinity`, spec.affinity, options);
  checkDnsConfig(faults, `${path}.dnsConfig`, spec);
  spec.readinessGates?.forEach((gate, i) =>
    checkQualifiedName(faults, `${path}.readinessGates[${i}].conditionType`, gate.conditionType ?? ''),
  );
  if (spec.schedulingGates) checkSchedulingGates(faults, `${path}.schedulingGates`, spec.schedulingGates);
  if (spec.topologySpreadConstraints)
    checkSpreadConstraints(faults, `${path}.topologySpreadConstraints`, spec.topologySpreadConstraints, options);
  checkHostProcess(faults, path, spec);
  if (spec.hostUsers === false) checkNoHostUsers(faults, path, spec, options);
  if (spec.hostnameOverride !== undefined) checkHostnameOverride(faults, path, spec, spec.hostnameOverride);
  checkScalars(faults, path, spec);
  if (spec.overhead)
    checkContainerResources(
      faults,
      `${path}.overhead`,
      { limits: spec.overhead },
      { allowIndivisibleHugePages: options.allowIndivisibleHugePages },
    );
  if (spec.os) checkOs(faults, path, spec, spec.os.name ?? '');
  if (spec.schedulingGroup) checkSchedulingGroup(faults, `${path}.schedulingGroup`, spec.schedulingGroup.podGroupName);
  checkFileVolumes(faults, path, spec);
}

const noNames: ReadonlySet<string> = new Set();

function checkScalars(faults: Faults, path: string, spec: Readonly<PodSpec>): void {
  if (spec.serviceAccountName) checkObjectName(faults, `${path}.serviceAccountName`, spec.serviceAccountName);
  if (spec.nodeName) checkObjectName(faults, `${path}.nodeName`, spec.nodeName);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 0x7fffffff)) {
    faults.push(invalid(`${path}.activeDeadlineSeconds`, deadline, inclusiveRangeError(1, 0x7fffffff)));
  }
  if (spec.hostname) checkDnsLabel(faults, `${path}.hostname`, spec.hostname);
  if (spec.subdomain) checkDnsLabel(faults, `${path}.subdomain`, spec.subdomain);
  if (spec.tolerations) checkTolerations(faults, `${path}.tolerations`, spec.tolerations);
  if (spec.hostAliases) checkHostAliases(faults, `${path}.hostAliases`, spec.hostAliases);
  if (spec.priorityClassName) checkObjectName(faults, `${path}.priorityClassName`, spec.priorityClassName);
  if (spec.runtimeClassName !== undefined) checkObjectName(faults, `${path}.runtimeClassName`, spec.runtimeClassName);
  if (spec.preemptionPolicy !== undefined)
    checkRequiredOneOf(faults, `${path}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never']);
}

function checkResourceClaims(
  faults: Faults,
  path: string,
  claims: readonly PodResourceClaim[],
  metadata: Readonly<ObjectMeta> | undefined,
): void {
  const names = new Set<string>();
  const isMirror = metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined;
  claims.forEach((claim, i) => {
    const at = `${path}[${i}]`;
    if (isMirror) {
      faults.push(forbidden('[]', 'static pods do not support resource claims'));
      return;
    }
    const { name, resourceClaimName, resourceClaimTemplateName } = claim;
    if (!name) faults.push(required(`${at}.name`));
    else if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
    else {
      checkDnsLabel(faults, `${at}.name`, name);
      names.add(name);
    }
    const shown = internalValue('PodResourceClaim', claim);
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      faults.push(
        invalid(at, shown, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'),
      );
    }
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      faults.push(invalid(at, shown, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'));
    }
    if (resourceClaimName !== undefined) checkObjectName(faults, `${at}.resourceClaimName`, resourceClaimName);
    if (resourceClaimTemplateName !== undefined)
      checkObjectName(faults, `${at}.resourceClaimTemplateName`, resourceClaimTemplateName);
  });
}

function checkHostNetworkPorts(faults: Faults, path: string, spec: Readonly<PodSpec>, isPod: boolean): void {
  (spec.containers ?? []).forEach((container, i) => {
    container.ports?.forEach((port, j) => {
      const hostPort = port.hostPort ?? 0;
      if ((isPod || hostPort !== 0) && hostPort !== (port.containerPort ?? 0)) {
        faults.push(
          invalid(
            `${path}.containers[${i}].ports[${j}].hostPort`,
            hostPort,
            'must match `containerPort` when `hostNetwork` is true',
          ),
        );
      }
    });
  });
}

function checkSchedulingGates(faults: Faults, path: string, gates: readonly { name: string }[]): void {
  const seen = new Set<string>();
  gates.forEach((gate, i) => {
    const name = gate.name ?? '';
    checkQualifiedName(faults, `${path}[${i}]`, name);
    if (seen.has(name)) faults.push(duplicate(`${path}[${i}]`, name));
    seen.add(name);
  });
}

export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function checkTolerations(faults: Faults, path: string, tolerations: readonly Toleration[]): void {
  tolerations.forEach(({ key, operator = '', value = '', effect, tolerationSeconds }, i) => {
    const at = `${path}[${i}]`;
    if (key) checkQualifiedName(faults, `${at}.key`, key);
    else if (operator !== 'Exists') {
      faults.push(
        invalid(
          `${at}.operator`,
          operator,
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      faults.push(invalid(`${at}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    if (operator === 'Equal' || operator === '') {
      const complaints = isLabelValue(value);
      if (complaints.length > 0) faults.push(invalid(`${at}.operator`, value, complaints.join(';')));
    } else if (operator === 'Exists') {
      if (value !== '')
        faults.push(invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else {
      const isComparison = operator === 'Lt' || operator === 'Gt';
      faults.push(
        notSupported(`${at}.operator`, operator, isComparison ? ['Equal', 'Exists', 'Lt', 'Gt'] : ['Equal', 'Exists']),
      );
    }
    if (effect && !taintEffects.includes(effect)) faults.push(notSupported(`${at}.effect`, effect, taintEffects));
  });
}

function checkNoHostUsers(faults: Faults, path: string, spec: Readonly<PodSpec>, options: PodOptions): void {
  const detail = 'when `hostUsers` is false';
  if (spec.hostNetwork) faults.push(forbidden(`${path}.hostNetwork`, detail));
  if (spec.hostPID) faults.push(forbidden(`${path}.HostPID`, detail));
  if (spec.hostIPC) faults.push(forbidden(`${path}.HostIPC`, detail));
  if (options.allowUserNamespaceDevices) return;
  visitContainers(spec, path, (container, at) => {
    if (container.volumeDevices?.length) faults.push(forbidden(`${at}.volumeDevices`, detail));
  });
}

function checkHostnameOverride(faults: Faults, path: string, spec: Readonly<PodSpec>, override: string): void {
  const at = `${path}.hostnameOverride`;
  if (spec.setHostnameAsFQDN) faults.push(forbidden(at, 'may not be specified when setHostnameAsFQDN is true'));
  if (spec.hostNetwork) faults.push(forbidden(at, 'may not be specified when hostNetwork is true'));
  if (Buffer.byteLength(override) > 64) faults.push(tooLong(at, 64));
  checkDnsSubdomain(faults, at, override);
}

function checkOs(faults: Faults, path: string, spec: Readonly<PodSpec>, name: string): void {
  if (name === '') faults.push(required(`${path}.os.name`));
  else if (name === 'linux') checkLinuxOnly(faults, path, spec);
  else if (name === 'windows') checkWindowsOnly(faults, path, spec);
  else faults.push(notSupported(`${path}.os`, name, ['linux', 'windows']));
}

function checkSchedulingGroup(faults: Faults, path: string, name: string | undefined): void {
  if (name === undefined) faults.push(invalid(`${path}.podGroupName`, null, 'must specify one of: `podGroupName`'));
  else checkObjectName(faults, `${path}.podGroupName`, name);
}

/** Variables read from a file need an emptyDir that some init container writes it into. */
function checkFileVolumes(faults: Faults, path: string, spec: Readonly<PodSpec>): void {
  visitContainers(spec, path, (container, at) => {
    if (container.env === undefined) return;
    container.env.forEach((variable, i) => {
      const file = variable.valueFrom?.fileKeyRef;
      if (!file) return;
      const where = `${at}.env[${i}].valueFrom.fileKeyRef.volumeName`;
      const name = file.volumeName ?? '';
      const volume = spec.volumes?.findLast((v) => (v.name ?? '') === name);
      if (!volume) faults.push(notFoundValue(where, name));
      else if (!volume.emptyDir) faults.push(invalid(where, name, 'referenced volume must be of type emptyDir'));
    });
  });
}
