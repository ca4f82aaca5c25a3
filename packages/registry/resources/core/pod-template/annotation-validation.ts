/** Annotations that once were fields, or became some. */
import type { AppArmorProfile, PodSpec, SeccompProfile } from '@nodeless/apimachinery/generated/types/core/v1';
import { type Faults, forbidden, invalid, sortedKeys } from '../../checks.ts';
import { deletionCostAnnotation, isDeletionCost, type PodOptions } from './options.ts';
import { checkLocalDescendingPath } from './paths.ts';
import { visitContainers } from './windows-validation.ts';

export type Annotations = Readonly<Record<string, string>>;

export const mirrorAnnotation = 'kubernetes.io/config.mirror';
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';
export const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

export function checkPodAnnotations(
  faults: Faults,
  path: string,
  annotations: Annotations | undefined,
  spec: Readonly<PodSpec>,
  options: PodOptions,
): void {
  if (annotations === undefined) return;
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName)
    faults.push(
      invalid(`${path}[${mirrorAnnotation}]`, mirror, 'must set spec.nodeName if mirror pod annotation is set'),
    );
  if (!options.allowInvalidDeletionCost && !isDeletionCost(annotations[deletionCostAnnotation])) {
    faults.push(
      invalid(`${path}[${deletionCostAnnotation}]`, annotations[deletionCostAnnotation], 'must be a 32bit integer'),
    );
  }
  if (annotations[seccompPod] !== undefined) checkSeccompText(faults, `${path}.${seccompPod}`, annotations[seccompPod]);
  const keys = sortedKeys(annotations);
  for (const key of keys)
    if (key.startsWith(seccompContainer)) checkSeccompText(faults, `${path}.${key}`, annotations[key]!);
  for (const key of keys) {
    if (!key.startsWith(appArmorPrefix)) continue;
    const name = key.slice(appArmorPrefix.length);
    const profile = annotations[key]!;
    let found = false;
    visitContainers(spec, '', (container) => {
      found ||= container.name === name;
    });
    if (!found) faults.push(invalid(`${path}[${key}]`, name, 'container not found'));
    if (
      profile !== '' &&
      profile !== 'runtime/default' &&
      profile !== 'unconfined' &&
      !profile.startsWith('localhost/')
    ) {
      faults.push(invalid(`${path}[${key}]`, profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`));
    }
  }
}

function checkSeccompText(faults: Faults, path: string, profile: string): void {
  if (profile === 'runtime/default' || profile === 'docker/default' || profile === 'unconfined') return;
  if (profile.startsWith('localhost/')) checkLocalDescendingPath(faults, path, profile.slice('localhost/'.length));
  else faults.push(invalid(path, profile, 'must be a valid seccomp profile'));
}

/** Where a field and its old annotation are both given they must say the same. */
export function checkAnnotationsMatchFields(
  faults: Faults,
  path: string,
  annotations: Annotations | undefined,
  spec: Readonly<PodSpec>,
): void {
  if (annotations === undefined) return;
  const context = spec.securityContext;
  if (context?.seccompProfile && annotations[seccompPod] !== undefined) {
    checkSeccompMatch(
      faults,
      `${path}.securityContext.seccompProfile`,
      annotations[seccompPod],
      context.seccompProfile,
    );
  }
  visitContainers(spec, path, (container, at) => {
    const profile = container.securityContext?.seccompProfile;
    const annotation = annotations[seccompContainer + container.name];
    if (profile && annotation !== undefined)
      checkSeccompMatch(faults, `${at}.securityContext.seccompProfile`, annotation, profile);
  });
  if (spec.os?.name === 'windows') return;
  visitContainers(spec, path, (container, at) => {
    const profile = container.securityContext?.appArmorProfile ?? context?.appArmorProfile;
    const annotation = annotations[appArmorPrefix + container.name];
    if (profile && annotation !== undefined)
      checkAppArmorMatch(faults, `${at}.securityContext.appArmorProfile`, annotation, profile);
  });
}

function checkSeccompMatch(faults: Faults, path: string, annotation: string, profile: Readonly<SeccompProfile>): void {
  const matches =
    profile.type === 'Unconfined'
      ? annotation === 'unconfined'
      : profile.type === 'RuntimeDefault'
        ? annotation === 'runtime/default' || annotation === 'docker/default'
        : profile.type !== 'Localhost' || annotation.startsWith('localhost/');
  if (!matches) faults.push(forbidden(`${path}.type`, 'seccomp type in annotation and field must match'));
  else if (profile.type === 'Localhost' && annotation.slice('localhost/'.length) !== profile.localhostProfile) {
    faults.push(forbidden(`${path}.localhostProfile`, 'seccomp profile in annotation and field must match'));
  }
}

function checkAppArmorMatch(
  faults: Faults,
  path: string,
  annotation: string,
  profile: Readonly<AppArmorProfile>,
): void {
  const matches =
    profile.type === 'Unconfined'
      ? annotation === 'unconfined'
      : profile.type === 'RuntimeDefault'
        ? annotation === 'runtime/default'
        : profile.type !== 'Localhost' || annotation.startsWith('localhost/');
  if (!matches) faults.push(forbidden(`${path}.type`, 'apparmor type in annotation and field must match'));
  else if (profile.type === 'Localhost' && annotation.slice('localhost/'.length) !== profile.localhostProfile) {
    faults.push(forbidden(`${path}.localhostProfile`, 'apparmor profile in annotation and field must match'));
  }
}
