/** What is said of pod specs that are valid but old, or not what their writer means. */
import type { PodSpec, Volume } from '@nodeless/apimachinery/generated/types/core/v1';
import { ipWarnings } from '@nodeless/apimachinery/ip-validation';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import { parseQuantity, formatQuantity } from '@nodeless/apimachinery/quantity';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import { appArmorPrefix } from './annotation-validation.ts';
import { warnOfNodeLabel, warnOfNodeSelectorTerm } from './node-label-warnings.ts';
import { warnOfOverlappingPaths } from './path-warnings.ts';
import { isWhole } from './resource-names.ts';
import { warnOfPorts } from './port-warnings.ts';
import { visitContainers } from './windows-validation.ts';

/** `path`: '' for a pod, `spec.template` for a template. */
export function podWarnings(
  path: string,
  spec: Readonly<PodSpec>,
  metadata: Readonly<ObjectMeta> | undefined,
): string[] {
  const warnings: string[] = [];
  const root = path === '' ? '' : `${path}.`;
  const at = `${root}spec`;
  const annotations = metadata?.annotations ?? {};
  warnOfPlacement(warnings, at, spec);
  for (const [key, message] of deadAnnotations) {
    if (annotations[key] !== undefined) warnings.push(`${root}metadata.annotations[${key}]: ${message}`);
  }
  spec.volumes?.forEach((volume, i) => warnOfVolume(warnings, `${at}.volumes[${i}]`, volume));
  warnOfOverlappingPaths(warnings, spec.volumes ?? []);
  warnOfRepeats(
    warnings,
    spec.hostAliases,
    (alias) => alias.ip ?? '',
    (i, ip) => `${at}.hostAliases[${i}].ip: duplicate ip ${quoteGo(ip)}`,
  );
  warnOfRepeats(
    warnings,
    spec.imagePullSecrets,
    (s) => s.name ?? '',
    (i, name) => `${at}.imagePullSecrets[${i}].name: duplicate name ${quoteGo(name)}`,
  );
  spec.imagePullSecrets?.forEach((secret, i) => {
    if (!secret.name) warnings.push(`${at}.imagePullSecrets[${i}].name: invalid empty name ""`);
  });
  warnOfFractions(warnings, `${at}.overhead`, spec.overhead, ['memory', 'ephemeral-storage']);
  warnOfContainers(warnings, root, spec, annotations, path !== '');
  warnOfPorts(warnings, at, spec);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    warnings.push(
      `${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  }
  warnOfNullSelectors(warnings, `${at}.affinity`, spec);
  spec.dnsConfig?.nameservers?.forEach((server, i) =>
    warnings.push(...ipWarnings(`${at}.dnsConfig.nameservers[${i}]`, server)),
  );
  spec.hostAliases?.forEach((alias, i) => warnings.push(...ipWarnings(`${at}.hostAliases[${i}].ip`, alias.ip ?? '')));
  return warnings;
}

const deadAnnotations: readonly (readonly [string, string])[] = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
];

const noSelector = 'a null labelSelector results in matching no pod';

function warnOfPlacement(warnings: string[], at: string, spec: Readonly<PodSpec>): void {
  for (const key of Object.keys(spec.nodeSelector ?? {}))
    warnOfNodeLabel(warnings, key, (message) => `${at}.nodeSelector[${key}]: ${message}`);
  const node = spec.affinity?.nodeAffinity;
  const base = `${at}.affinity.nodeAffinity`;
  node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms?.forEach((term, i) => {
    warnOfNodeSelectorTerm(
      warnings,
      `${base}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`,
      term,
      false,
    );
  });
  node?.preferredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
    warnOfNodeSelectorTerm(
      warnings,
      `${base}.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`,
      term.preference ?? {},
      true,
    );
  });
  spec.topologySpreadConstraints?.forEach((constraint, i) => {
    const where = `${at}.topologySpreadConstraints[${i}]`;
    const key = constraint.topologyKey;
    warnOfNodeLabel(warnings, key, (message) => `${where}.topologyKey: ${key} is ${message}`);
    if (!constraint.labelSelector) warnings.push(`${where}.labelSelector: ${noSelector}`);
  });
}

/** The field, the name in the message, since when it is deprecated and dead. */
const deadVolumes: readonly (readonly [keyof Volume, string, string])[] = [
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
];
const deadLater: typeof deadVolumes = [
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

function warnOfVolume(warnings: string[], at: string, volume: Readonly<Volume>): void {
  for (const [field, name, message] of deadVolumes) if (volume[field]) warnings.push(`${at}.${name}: ${message}`);
  const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
  if (claim) warnOfClaimSizes(warnings, `${at}.ephemeral.volumeClaimTemplate.spec`, claim.resources);
  for (const [field, name, message] of deadLater) if (volume[field]) warnings.push(`${at}.${name}: ${message}`);
}

type List = Readonly<Record<string, string | number>> | undefined;

/** Also of claims that stand alone. */
export function warnOfClaimSizes(
  warnings: string[],
  path: string,
  resources: Readonly<{ requests?: List; limits?: List }> | undefined,
): void {
  warnOfFractions(warnings, `${path}.resources.requests`, resources?.requests, ['storage']);
  warnOfFractions(warnings, `${path}.resources.limits`, resources?.limits, ['storage']);
}

export function warnOfFractions(warnings: string[], path: string, list: List, names: readonly string[]): void {
  if (!list) return;
  for (const name of names) {
    const value = list[name];
    if (value === undefined) continue;
    const quantity = parseQuantity(value);
    if (!isWhole(quantity)) {
      warnings.push(
        `${path}[${name}]: fractional byte value ${quoteGo(formatQuantity(quantity))} is invalid, must be an integer`,
      );
    }
  }
}

function warnOfRepeats<T>(
  warnings: string[],
  items: readonly T[] | undefined,
  keyOf: (item: T) => string,
  text: (i: number, key: string) => string,
): void {
  const seen = new Set<string>();
  items?.forEach((item, i) => {
    const key = keyOf(item);
    if (seen.has(key)) warnings.push(text(i, key));
    seen.add(key);
  });
}

function warnOfContainers(
  warnings: string[],
  root: string,
  spec: Readonly<PodSpec>,
  annotations: Readonly<Record<string, string>>,
  isTemplate: boolean,
): void {
  const dead = (key: string): void => {
    if (annotations[key] !== undefined)
      warnings.push(
        `${root}metadata.annotations[${key}]: non-functional in v1.27+; use the "seccompProfile" field instead`,
      );
  };
  if (!spec.securityContext?.seccompProfile) dead('seccomp.security.alpha.kubernetes.io/pod');
  visitContainers(spec, `${root}spec`, (container, at) => {
    if (!container.securityContext?.seccompProfile)
      dead(`container.seccomp.security.alpha.kubernetes.io/${container.name}`);
    const key = appArmorPrefix + container.name;
    const annotation = annotations[key];
    if (
      isTemplate &&
      annotation !== undefined &&
      !container.securityContext?.appArmorProfile &&
      !isProfile(annotation, spec.securityContext?.appArmorProfile)
    ) {
      warnings.push(
        `${root}metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`,
      );
    }
    for (const name of ['memory', 'ephemeral-storage']) {
      warnOfFractions(warnings, `${at}.resources.limits`, container.resources?.limits, [name]);
      warnOfFractions(warnings, `${at}.resources.requests`, container.resources?.requests, [name]);
    }
    const defined = new Set<string>();
    container.env?.forEach(({ name, value = '', valueFrom }, i) => {
      // Extending a variable with its own earlier value is meant.
      if (defined.has(name) && (valueFrom || value === `$(${name})` || !value.includes(`$(${name})`))) {
        warnings.push(
          `${at}.env[${i}]: hides previous definition of ${quoteGo(name)}, which may be dropped when using apply`,
        );
      }
      defined.add(name);
    });
  });
}

function isProfile(
  annotation: string,
  profile: Readonly<{ type: string; localhostProfile?: string }> | undefined,
): boolean {
  if (!profile) return false;
  if (annotation === 'unconfined') return profile.type === 'Unconfined';
  if (annotation === 'runtime/default') return profile.type === 'RuntimeDefault';
  return (
    annotation.startsWith('localhost/') &&
    profile.type === 'Localhost' &&
    profile.localhostProfile === annotation.slice('localhost/'.length)
  );
}

function warnOfNullSelectors(warnings: string[], at: string, spec: Readonly<PodSpec>): void {
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const affinity = spec.affinity?.[kind];
    affinity?.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
      if (!term.labelSelector)
        warnings.push(
          `${at}.${kind}.requiredDuringSchedulingIgnoredDuringExecution[${i}].labelSelector: ${noSelector}`,
        );
    });
    affinity?.preferredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
      if (!term.podAffinityTerm?.labelSelector) {
        warnings.push(
          `${at}.${kind}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm.labelSelector: ${noSelector}`,
        );
      }
    });
  }
}
