import { createHash } from 'node:crypto';
import type { ResolvedPod, ResolvedVolume, VolumeFile } from '../provider.ts';
import type { TarEntry } from './tar.ts';

/** Where things of a pod lie below the kubelet folder. */
export const podFolder = (uid: string): string => `pods/${uid}`;
export const volumeFolder = (uid: string, volume: string): string => `${podFolder(uid)}/volumes/${volume}`;
export const terminationFile = (uid: string, container: string, attempt: number): string =>
  `${podFolder(uid)}/containers/${container}/${attempt}`;

/** The folder of one version of a volume's files; the same content has the same name, so writing it twice is harmless. */
export function versionName(files: readonly VolumeFile[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file.path}\0${file.mode}\0${file.content.length}\0`).update(file.content);
  return `..v_${hash.digest('hex').slice(0, 16)}`;
}

/**
 * The tree of a volume of files as the kubelet's atomic writer lays it out: each version in a folder of its own, `..data`
 * pointing to the current one, and what the container sees pointing into `..data`. `withLinks` for a volume that nobody
 * uses yet; otherwise the links are swapped afterwards, in one step.
 */
export function fileVolumeEntries(
  folder: string,
  files: readonly VolumeFile[],
  fsGroup: number | undefined,
  withLinks: boolean,
): TarEntry[] {
  const version = versionName(files);
  const group = fsGroup === undefined ? {} : { gid: fsGroup };
  const folderMode = fsGroup === undefined ? 0o755 : 0o2755;
  const entries: TarEntry[] = [
    { type: 'directory', path: folder, mode: fsGroup === undefined ? 0o777 : 0o2777, ...group },
    { type: 'directory', path: `${folder}/${version}`, mode: folderMode, ...group },
  ];
  const made = new Set<string>();
  const visible = new Set<string>();
  for (const file of files) {
    const parts = safeParts(file.path);
    visible.add(parts[0] as string);
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      if (made.has(parent)) continue;
      made.add(parent);
      entries.push({ type: 'directory', path: `${folder}/${version}/${parent}`, mode: folderMode, ...group });
    }
    // A group that owns the volume can read what is in it.
    const mode = fsGroup === undefined ? file.mode : file.mode | 0o440;
    entries.push({
      type: 'file',
      path: `${folder}/${version}/${parts.join('/')}`,
      content: file.content,
      mode,
      ...group,
    });
  }
  if (withLinks) {
    entries.push({ type: 'symlink', path: `${folder}/..data`, target: version });
    for (const name of visible) entries.push({ type: 'symlink', path: `${folder}/${name}`, target: `..data/${name}` });
  }
  return entries;
}

/** The API server has refused such paths; a second lock costs nothing where files are written as root. */
function safeParts(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || path.startsWith('/') || parts.some((part) => part === '..' || part.includes('\0')))
    throw new Error(`volume path ${JSON.stringify(path)} leads outside`);
  return parts;
}

export function emptyDirEntry(folder: string, fsGroup: number | undefined): TarEntry {
  return {
    type: 'directory',
    path: folder,
    mode: fsGroup === undefined ? 0o777 : 0o2777,
    ...(fsGroup === undefined ? {} : { gid: fsGroup }),
  };
}

export const isTmpfs = (volume: ResolvedVolume): boolean => volume.kind === 'emptyDir' && volume.medium === 'Memory';

/** /etc/hosts of the pod. */
export function hostsFile(pod: ResolvedPod, podIps: readonly string[]): string {
  const hostNetwork = pod.pod.spec?.hostNetwork === true;
  const lines = [
    hostNetwork ? '# Kubernetes-managed hosts file (host network).' : '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
  ];
  const names = pod.hostDomain ? `${pod.hostname}.${pod.hostDomain}\t${pod.hostname}` : pod.hostname;
  for (const ip of podIps) lines.push(`${ip}\t${names}`);
  if (pod.hostAliases.length > 0) {
    lines.push('', '# Entries added by HostAliases.');
    for (const alias of pod.hostAliases) lines.push([alias.ip, ...alias.hostnames].join('\t'));
  }
  return `${lines.join('\n')}\n`;
}

export function resolvFile(dns: ResolvedPod['dns']): string {
  const lines: string[] = [];
  if (dns.searches.length > 0) lines.push(`search ${dns.searches.join(' ')}`);
  for (const nameserver of dns.nameservers) lines.push(`nameserver ${nameserver}`);
  if (dns.options.length > 0) lines.push(`options ${dns.options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}
