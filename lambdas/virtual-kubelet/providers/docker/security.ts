import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { formatPod, refOf } from '../../pod-names.ts';
import { ProviderError } from '../provider.ts';

export interface EngineSecurity {
  readonly User?: string;
  readonly GroupAdd: string[];
  readonly Privileged: boolean;
  readonly ReadonlyRootfs: boolean;
  readonly CapAdd: string[];
  readonly CapDrop: string[];
  readonly SecurityOpt: string[];
  /** [] = nothing of /proc is hidden. */
  readonly MaskedPaths?: string[];
  readonly ReadonlyPaths?: string[];
}

/** The security context of a container for the engine. Throws CreateContainerConfigError where runAsNonRoot is not kept. */
export function engineSecurity(pod: Pod, container: Container, imageUser: string): EngineSecurity {
  const shared = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  const runAsUser = own.runAsUser ?? shared.runAsUser;
  const runAsGroup = own.runAsGroup ?? shared.runAsGroup;
  if (own.runAsNonRoot ?? shared.runAsNonRoot) verifyNonRoot(pod, container, runAsUser, imageUser);
  const user = userOf(runAsUser, runAsGroup, imageUser);
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])];
  const options: string[] = [];
  if (own.allowPrivilegeEscalation === false) options.push('no-new-privileges');
  // Kubernetes runs containers without a seccomp profile unless one is asked for.
  const seccomp = (own.seccompProfile ?? shared.seccompProfile)?.type ?? 'Unconfined';
  if (seccomp === 'Unconfined') options.push('seccomp=unconfined');
  else if (seccomp === 'Localhost') throw refused('Localhost seccomp profiles are not supported by this node');
  const apparmor = own.appArmorProfile ?? shared.appArmorProfile;
  if (apparmor?.type === 'Unconfined') options.push('apparmor=unconfined');
  else if (apparmor?.type === 'Localhost') options.push(`apparmor=${apparmor.localhostProfile ?? ''}`);
  return {
    ...(user === undefined ? {} : { User: user }),
    GroupAdd: [...new Set(groups)].map(String),
    Privileged: own.privileged ?? false,
    ReadonlyRootfs: own.readOnlyRootFilesystem ?? false,
    CapAdd: own.capabilities?.add ?? [],
    CapDrop: own.capabilities?.drop ?? [],
    SecurityOpt: options,
    ...(own.procMount === 'Unmasked' ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
  };
}

/** undefined = the image's own user. */
function userOf(runAsUser: number | undefined, runAsGroup: number | undefined, imageUser: string): string | undefined {
  if (runAsUser === undefined && runAsGroup === undefined) return undefined;
  const user = runAsUser === undefined ? imageUser.split(':')[0] || '0' : String(runAsUser);
  return runAsGroup === undefined ? user : `${user}:${runAsGroup}`;
}

function verifyNonRoot(pod: Pod, container: Container, runAsUser: number | undefined, imageUser: string): void {
  const where = `(pod: ${JSON.stringify(formatPod(refOf(pod)))}, container: ${container.name})`;
  if (runAsUser !== undefined) {
    if (runAsUser === 0) throw refused(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  const user = imageUser.split(':')[0] ?? '';
  if (user === '' || user === '0') throw refused(`container has runAsNonRoot and image will run as root ${where}`);
  if (!/^\d+$/.test(user))
    throw refused(
      `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root ${where}`,
    );
}

function refused(message: string): ProviderError {
  return new ProviderError('invalid', message, { reason: 'CreateContainerConfigError' });
}
