import type {
  AppArmorProfile,
  PodSpec,
  SeccompProfile,
  SecurityContext,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { isUserId } from '@nodeless/apimachinery/names';
import { check, checkOneOf, type Faults, invalid, notSupported, required, tooLong } from '../../checks.ts';
import { internalValue } from '../../internal-value.ts';
import type { PodOptions } from './options.ts';
import { checkLocalDescendingPath } from './paths.ts';
import { checkSysctls } from './sysctls.ts';
import { checkWindowsOptions } from './windows-validation.ts';

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function checkId(faults: Faults, path: string, id: number | undefined): void {
  if (id !== undefined) check(faults, path, id, isUserId(id));
}

export function checkPodSecurity(faults: Faults, path: string, spec: Readonly<PodSpec>, options: PodOptions): void {
  const context = spec.securityContext;
  if (!context) return;
  checkId(faults, `${path}.fsGroup`, context.fsGroup);
  checkId(faults, `${path}.runAsUser`, context.runAsUser);
  checkId(faults, `${path}.runAsGroup`, context.runAsGroup);
  context.supplementalGroups?.forEach((id, i) => checkId(faults, `${path}.supplementalGroups[${i}]`, id));
  if (spec.shareProcessNamespace && spec.hostPID) {
    faults.push(
      invalid(`${path}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'),
    );
  }
  checkSysctls(faults, `${path}.sysctls`, spec, options.allowHostSysctls);
  if (context.fsGroupChangePolicy !== undefined)
    checkOneOf(faults, `${path}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']);
  checkSeccompProfile(faults, `${path}.seccompProfile`, context.seccompProfile);
  checkWindowsOptions(faults, `${path}.windowsOptions`, context.windowsOptions);
  checkAppArmorProfile(faults, `${path}.appArmorProfile`, context.appArmorProfile);
  if (context.supplementalGroupsPolicy !== undefined)
    checkOneOf(faults, `${path}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict']);
  if (context.seLinuxChangePolicy !== undefined) {
    checkOneOf(
      faults,
      `${path}.seLinuxChangePolicy`,
      context.seLinuxChangePolicy,
      options.onlyRecursiveSeLinuxChange ? ['Recursive'] : ['MountOption', 'Recursive'],
    );
  }
}

export function checkContainerSecurity(
  faults: Faults,
  path: string,
  context: Readonly<SecurityContext> | undefined,
  hostUsers: boolean,
): void {
  if (!context) return;
  checkId(faults, `${path}.runAsUser`, context.runAsUser);
  checkId(faults, `${path}.runAsGroup`, context.runAsGroup);
  if (context.procMount !== undefined) {
    if (context.procMount !== 'Default' && context.procMount !== 'Unmasked')
      faults.push(notSupported(`${path}.procMount`, context.procMount, ['Default', 'Unmasked']));
    if (hostUsers && context.procMount === 'Unmasked')
      faults.push(invalid(`${path}.procMount`, context.procMount, '`hostUsers` must be false to use `Unmasked`'));
  }
  checkSeccompProfile(faults, `${path}.seccompProfile`, context.seccompProfile);
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged)
      faults.push(
        invalid(
          path,
          internalValue('SecurityContext', context),
          'cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
        ),
      );
    for (const capability of context.capabilities?.add ?? []) {
      if (capability === 'CAP_SYS_ADMIN') {
        faults.push(
          invalid(
            path,
            internalValue('SecurityContext', context),
            'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
          ),
        );
      }
    }
  }
  checkWindowsOptions(faults, `${path}.windowsOptions`, context.windowsOptions);
  checkAppArmorProfile(faults, `${path}.appArmorProfile`, context.appArmorProfile);
}

function checkSeccompProfile(faults: Faults, path: string, profile: Readonly<SeccompProfile> | undefined): void {
  if (!profile) return;
  if (!profile.type) faults.push(required(`${path}.type`, 'type is required when seccompProfile is set'));
  else checkOneOf(faults, `${path}.type`, profile.type, profileTypes);
  if (profile.type === 'Localhost') {
    if (profile.localhostProfile === undefined)
      faults.push(required(`${path}.localhostProfile`, 'must be set when seccomp type is Localhost'));
    else checkLocalDescendingPath(faults, `${path}.localhostProfile`, profile.localhostProfile);
  } else if (profile.localhostProfile !== undefined) {
    const shown = internalValue('SeccompProfile', profile);
    faults.push(invalid(`${path}.localhostProfile`, shown, 'can only be set when seccomp type is Localhost'));
  }
}

export function checkAppArmorProfile(
  faults: Faults,
  path: string,
  profile: Readonly<AppArmorProfile> | undefined,
): void {
  if (!profile) return;
  const { type, localhostProfile } = profile;
  if (type === 'Localhost') {
    if (localhostProfile === undefined) {
      faults.push(required(`${path}.localhostProfile`, 'must be set when AppArmor type is Localhost'));
      return;
    }
    const trimmed = localhostProfile.trim();
    if (trimmed !== localhostProfile)
      faults.push(invalid(`${path}.localhostProfile`, localhostProfile, 'must not be padded with whitespace'));
    else if (trimmed === '')
      faults.push(required(`${path}.localhostProfile`, 'must be set when AppArmor type is Localhost'));
    if (Buffer.byteLength(localhostProfile) > 4095) faults.push(tooLong(`${path}.localhostProfile`, 4095));
  } else if (!type) {
    faults.push(required(`${path}.type`, 'type is required when appArmorProfile is set'));
  } else if (!profileTypes.includes(type)) {
    faults.push(notSupported(`${path}.type`, type, profileTypes));
  } else if (localhostProfile !== undefined) {
    faults.push(
      invalid(`${path}.localhostProfile`, localhostProfile, 'can only be set when AppArmor type is Localhost'),
    );
  }
}
