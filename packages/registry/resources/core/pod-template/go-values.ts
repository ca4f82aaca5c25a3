/**
 * A few messages show a whole value of the API server's internal types. Those have no JSON names: Go's own, capital
 * names are shown, in the order of the struct, nothing left out.
 */
import type { Capabilities, SecurityContext } from '@nodeless/apimachinery/generated/types/core/v1';

const orNull = (value: unknown): unknown => value ?? null;

export function goSecurityContext(c: Readonly<SecurityContext>): unknown {
  return {
    Capabilities: c.capabilities ? goCapabilities(c.capabilities) : null,
    Privileged: orNull(c.privileged),
    SELinuxOptions: c.seLinuxOptions
      ? { User: c.seLinuxOptions.user ?? '', Role: c.seLinuxOptions.role ?? '', Type: c.seLinuxOptions.type ?? '', Level: c.seLinuxOptions.level ?? '' }
      : null,
    WindowsOptions: c.windowsOptions
      ? {
          GMSACredentialSpecName: orNull(c.windowsOptions.gmsaCredentialSpecName),
          GMSACredentialSpec: orNull(c.windowsOptions.gmsaCredentialSpec),
          RunAsUserName: orNull(c.windowsOptions.runAsUserName),
          HostProcess: orNull(c.windowsOptions.hostProcess),
        }
      : null,
    RunAsUser: orNull(c.runAsUser),
    RunAsGroup: orNull(c.runAsGroup),
    RunAsNonRoot: orNull(c.runAsNonRoot),
    ReadOnlyRootFilesystem: orNull(c.readOnlyRootFilesystem),
    AllowPrivilegeEscalation: orNull(c.allowPrivilegeEscalation),
    ProcMount: orNull(c.procMount),
    SeccompProfile: goProfile(c.seccompProfile),
    AppArmorProfile: goProfile(c.appArmorProfile),
  };
}

function goCapabilities(c: Readonly<Capabilities>): unknown {
  return { Add: orNull(c.add), Drop: orNull(c.drop) };
}

function goProfile(profile: { type: string; localhostProfile?: string } | undefined): unknown {
  return profile ? { Type: profile.type ?? '', LocalhostProfile: orNull(profile.localhostProfile) } : null;
}
