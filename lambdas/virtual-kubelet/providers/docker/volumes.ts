import type { VolumeMount } from '@nodeless/apimachinery/generated/types/core/v1';
import { expandVariables } from '../../variable-expansion.ts';
import { bindAddresses } from '../../late-binding.ts';
import type { ContainerStart } from '../../runtime/container-runtime.ts';
import { ProviderError, type PodRef, type ResolvedPod, type ResolvedVolume } from '../provider.ts';
import { callEngine, type Engine, isMissing, isNameTaken } from './engine.ts';
import { hostPathPlace } from './host-paths.ts';
import { toolPath } from './helper-tool.ts';
import { label } from './labels.ts';
import { kubeletFolder, type NodePlace } from './node-helper.ts';
import {
  emptyDirEntry,
  fileVolumeEntries,
  isTmpfs,
  podFolder,
  terminationFile,
  versionName,
  volumeFolder,
} from './pod-files.ts';
import { packTar, type TarEntry } from './tar.ts';

export interface VolumeWriter {
  /** Makes the volumes of a new pod, or brings those of files up to date in one step each. */
  write(pod: ResolvedPod, place: NodePlace, fresh: boolean): Promise<void>;
  /** Files of the pod beside its volumes (hosts, resolv.conf). */
  putFiles(place: NodePlace, entries: readonly TarEntry[]): Promise<void>;
  /** The engine's bind mounts for a container: its volume mounts and its termination file, which is made here. */
  binds(
    start: ContainerStart,
    place: NodePlace,
  ): Promise<{ readonly binds: string[]; readonly terminationFile: string }>;
  /** Mounts that keep memory-backed volumes alive while the sandbox is there. */
  holdingBinds(pod: ResolvedPod): string[];
  remove(ref: PodRef, place: NodePlace | undefined): Promise<void>;
}

export function createVolumeWriter(deps: {
  readonly engine: Engine;
  readonly cluster: string;
  readonly sharedHostPaths: Readonly<Record<string, string>>;
}): VolumeWriter {
  const { engine, cluster, sharedHostPaths } = deps;
  const tmpfsName = (uid: string, volume: string): string => `nodeless-${cluster}-${uid}-${volume}`;

  const putFiles = (place: NodePlace, entries: readonly TarEntry[]): Promise<void> =>
    callEngine(
      async () =>
        void (await engine.getContainer(place.containerId).putArchive(packTar(entries), { path: kubeletFolder })),
    );

  const createTmpfs = async (
    uid: string,
    volume: ResolvedVolume & { kind: 'emptyDir' },
    fsGroup: number | undefined,
  ): Promise<void> => {
    const options = [
      fsGroup === undefined ? 'mode=1777' : `mode=2777,gid=${fsGroup}`,
      ...(volume.sizeLimitBytes ? [`size=${volume.sizeLimitBytes}`] : []),
    ];
    const Labels = { [label.cluster]: cluster, [label.uid]: uid };
    await callEngine(() =>
      engine.createVolume({
        Name: tmpfsName(uid, volume.name),
        Driver: 'local',
        DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: options.join(',') },
        Labels,
      }),
    );
  };

  const checkHostPath = async (volume: ResolvedVolume & { kind: 'hostPath' }, place: NodePlace): Promise<void> => {
    const { nodePath } = hostPathPlace(volume, place.volumePath, sharedHostPaths);
    if (nodePath === undefined) return;
    const { exitCode, output } = await place.exec([
      toolPath,
      'hostpath',
      volume.type,
      `${kubeletFolder}/${nodePath}`,
      volume.path,
    ]);
    if (exitCode !== 0)
      throw new ProviderError(
        'invalid',
        `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : ${output.trim()}`,
        { reason: 'FailedMount' },
      );
  };

  /** The engine's path of what a mount shows. */
  const source = async (start: ContainerStart, mount: VolumeMount, place: NodePlace): Promise<string> => {
    const uid = start.pod.pod.metadata?.uid ?? '';
    const volume = start.pod.volumes.find((v) => v.name === mount.name);
    if (!volume)
      throw new ProviderError('invalid', `volume ${mount.name} is not there`, { reason: 'CreateContainerConfigError' });
    const sub = subPathOf(start, mount);
    if (isTmpfs(volume)) {
      if (sub === '') return tmpfsName(uid, volume.name);
      const { Mountpoint } = await callEngine(() => engine.getVolume(tmpfsName(uid, volume.name)).inspect());
      return `${Mountpoint}/${plainSubPath(sub)}`;
    }
    const hostPath = volume.kind === 'hostPath' ? hostPathPlace(volume, place.volumePath, sharedHostPaths) : undefined;
    if (hostPath && hostPath.nodePath === undefined)
      return sub === '' ? hostPath.enginePath : `${hostPath.enginePath}/${plainSubPath(sub)}`;
    const folder = hostPath?.nodePath ?? volumeFolder(uid, volume.name);
    if (sub === '') return `${place.volumePath}/${folder}`;
    const root = `${kubeletFolder}/${folder}`;
    const { exitCode, output } = await place.exec([
      toolPath,
      'under',
      root,
      sub,
      '0755',
      `0:${start.pod.pod.spec?.securityContext?.fsGroup ?? 0}`,
    ]);
    if (exitCode !== 0)
      throw new ProviderError(
        'invalid',
        `failed to prepare subPath for volumeMount ${JSON.stringify(mount.name)} of container ${JSON.stringify(start.container.name)}`,
        { reason: 'CreateContainerConfigError' },
      );
    return `${place.volumePath}${output.trim().slice(kubeletFolder.length)}`;
  };

  return {
    putFiles,
    async write(pod, place, fresh) {
      const uid = pod.pod.metadata?.uid ?? '';
      const fsGroup = pod.pod.spec?.securityContext?.fsGroup;
      const entries: TarEntry[] = [];
      const swaps: string[][] = [];
      for (const volume of pod.volumes) {
        const folder = volumeFolder(uid, volume.name);
        if (volume.kind === 'files') {
          entries.push(...fileVolumeEntries(folder, volume.files, fsGroup, fresh));
          if (!fresh) swaps.push([toolPath, 'swap', `${kubeletFolder}/${folder}`, versionName(volume.files)]);
        } else if (volume.kind === 'emptyDir') {
          if (volume.medium === 'HugePages')
            throw new ProviderError(
              'invalid',
              `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : huge pages are not supported by this node`,
              { reason: 'FailedMount' },
            );
          if (isTmpfs(volume)) await createTmpfs(uid, volume, fsGroup);
          else if (fresh) entries.push(emptyDirEntry(folder, fsGroup));
        } else if (volume.kind === 'efs') {
          throw new ProviderError(
            'invalid',
            `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : EFS file systems are reached only by tasks in AWS`,
            { reason: 'FailedMount' },
          );
        } else if (fresh) {
          await checkHostPath(volume, place);
        }
      }
      if (fresh) entries.unshift({ type: 'directory', path: podFolder(uid), mode: 0o755 });
      if (entries.length > 0) await putFiles(place, entries);
      for (const swap of swaps) {
        const { exitCode, output } = await place.exec(swap);
        if (exitCode !== 0) throw new ProviderError('unavailable', `a volume could not be renewed: ${output.trim()}`);
      }
    },
    async binds(start, place) {
      const uid = start.pod.pod.metadata?.uid ?? '';
      const binds: string[] = [];
      for (const mount of start.container.volumeMounts ?? []) {
        const volume = start.pod.volumes.find((v) => v.name === mount.name);
        const readOnly = mount.readOnly || volume?.kind === 'files';
        const propagation =
          mount.mountPropagation === 'Bidirectional'
            ? 'rshared'
            : mount.mountPropagation === 'HostToContainer'
              ? 'rslave'
              : undefined;
        const options = [readOnly ? 'ro' : 'rw', ...(propagation ? [propagation] : [])];
        binds.push(`${await source(start, mount, place)}:${mount.mountPath}:${options.join(',')}`);
      }
      const path = start.container.terminationMessagePath ?? '/dev/termination-log';
      if (path === '') return { binds, terminationFile: '' };
      const file = terminationFile(uid, start.container.name, start.attempt);
      await putFiles(place, [{ type: 'file', path: file, content: Buffer.alloc(0), mode: 0o666 }]);
      binds.push(`${place.volumePath}/${file}:${path}:rw`);
      return { binds, terminationFile: file };
    },
    holdingBinds(pod) {
      const uid = pod.pod.metadata?.uid ?? '';
      return pod.volumes.filter(isTmpfs).map((v) => `${tmpfsName(uid, v.name)}:/nodeless/volumes/${v.name}`);
    },
    async remove(ref, place) {
      if (place) await place.exec([toolPath, 'rm', `${kubeletFolder}/${podFolder(ref.uid)}`]);
      const { Volumes } = await callEngine(() =>
        engine.listVolumes({ filters: { label: [`${label.uid}=${ref.uid}`] } }),
      );
      for (const volume of Volumes ?? []) {
        await callEngine(async () => {
          try {
            await engine.getVolume(volume.Name).remove();
          } catch (error) {
            if (!isMissing(error) && !isNameTaken(error)) throw error;
          }
        });
      }
    },
  };
}

function subPathOf(start: ContainerStart, mount: VolumeMount): string {
  if (!mount.subPathExpr) return mount.subPath ?? '';
  const env = new Map(start.resolved.env.map((e) => [e.name, e.value]));
  const missing: string[] = [];
  const text = expandVariables(
    mount.subPathExpr,
    (name) => env.get(name),
    (name) => missing.push(name),
  );
  if (missing.length > 0)
    throw new ProviderError('invalid', `missing value for ${JSON.stringify(missing[0])}`, {
      reason: 'CreateContainerConfigError',
    });
  return plainSubPath(bindAddresses(text, { podIp: start.sandbox.podIps[0] ?? '', podIps: start.sandbox.podIps }));
}

function plainSubPath(path: string): string {
  if (path.startsWith('/') || path.split('/').includes('..'))
    throw new ProviderError('invalid', `subPath ${JSON.stringify(path)} must be a relative path without '..'`, {
      reason: 'CreateContainerConfigError',
    });
  return path;
}
