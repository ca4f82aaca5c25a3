import type { PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { duplicate, type Faults, invalid, required } from '../../checks.ts';

const segment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const pattern = `^(${segment}[\\./])*${segment}$`;
const name = new RegExp(pattern);

export function checkSysctls(faults: Faults, path: string, spec: Readonly<PodSpec>, allowHost: boolean): void {
  const seen = new Set<string>();
  (spec.securityContext?.sysctls ?? []).forEach((sysctl, i) => {
    const at = `${path}[${i}].name`;
    const value = sysctl.name ?? '';
    if (value === '') faults.push(required(at));
    else if (value.length > 253 || !name.test(value))
      faults.push(invalid(at, value, `must have at most 253 characters and match regex ${pattern}`));
    else if (seen.has(value)) faults.push(duplicate(at, value));
    const fault = allowHost ? undefined : hostSysctlFault(value, spec);
    if (fault !== undefined) faults.push(invalid(at, value, fault));
    seen.add(value);
  });
}

const ipcNames = new Set([
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
  'kernel.shm',
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.msg',
]);

/** A sysctl of a namespace that the pod shares with its node would change the node. */
export function hostSysctlFault(sysctl: string, spec: Readonly<PodSpec>): string | undefined {
  // The first separator that occurs says which one is used.
  const separator = /[./]/.exec(sysctl)?.[0];
  const dotted = separator === '/' ? [...sysctl].map((c) => (c === '/' ? '.' : c === '.' ? '/' : c)).join('') : sysctl;
  const star = dotted.indexOf('*');
  const prefix = star < 0 ? dotted : dotted.slice(0, star);
  if (spec.hostNetwork && prefix.startsWith('net.')) return "may not be specified when 'hostNetwork' is true";
  if (spec.hostIPC && (ipcNames.has(prefix) || prefix.startsWith('fs.mqueue.')))
    return "may not be specified when 'hostIPC' is true";
  return undefined;
}
