import type {
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ProjectedVolumeSource,
  Volume,
  DownwardAPIVolumeFile,
  KeyToPath,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { type NodeFacts, podFieldValue, resourceFieldValue } from './downward-api.ts';
import { missing, type PodReferences } from './pod-environment.ts';
import { efsVolume } from './efs-volumes.ts';
import type { ResolvedVolume, VolumeFile } from './providers/provider.ts';
import { wholeValue } from './quantities.ts';

export interface VolumeReferences extends PodReferences {
  claim(name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  /** The token for a serviceAccountToken source, already asked for; undefined = none is needed (nothing reads it). */
  token(audience: string, expirationSeconds: number): string | undefined;
}

export interface VolumeProblem {
  readonly volume: string;
  /** The text of the FailedMount event. */
  readonly message: string;
}

export interface ResolvedVolumes {
  readonly volumes: readonly ResolvedVolume[];
  readonly problems: readonly VolumeProblem[];
}

export function resolveVolumes(pod: Pod, references: VolumeReferences, node: NodeFacts): ResolvedVolumes {
  const volumes: ResolvedVolume[] = [];
  const problems: VolumeProblem[] = [];
  for (const volume of pod.spec?.volumes ?? []) {
    try {
      volumes.push(resolveVolume(volume, pod, references, node));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      problems.push({
        volume: volume.name,
        message: `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : ${text}`,
      });
    }
  }
  return { volumes, problems };
}

function resolveVolume(volume: Volume, pod: Pod, references: VolumeReferences, node: NodeFacts): ResolvedVolume {
  const { name } = volume;
  const files = (list: readonly VolumeFile[]): ResolvedVolume => ({ name, kind: 'files', files: list, readOnly: true });
  if (volume.configMap) {
    const { name: of = '', items, defaultMode = 0o644, optional } = volume.configMap;
    return files(configMapFiles(references, of, items, defaultMode, optional));
  }
  if (volume.secret) {
    const { secretName = '', items, defaultMode = 0o644, optional } = volume.secret;
    return files(secretFiles(references, secretName, items, defaultMode, optional));
  }
  if (volume.downwardAPI)
    return files(downwardFiles(volume.downwardAPI.items, volume.downwardAPI.defaultMode ?? 0o644, pod, node));
  if (volume.projected) return files(projectedFiles(volume.projected, pod, references, node));
  if (volume.hostPath) return { name, kind: 'hostPath', path: volume.hostPath.path, type: volume.hostPath.type ?? '' };
  if (volume.persistentVolumeClaim) {
    const { claimName, readOnly = false } = volume.persistentVolumeClaim;
    return claimedVolume(name, claimName, readOnly, references);
  }
  const efs = efsVolume(name, volume, false);
  if (efs) return efs;
  if (volume.emptyDir || !hasSource(volume)) {
    const { medium = '', sizeLimit } = volume.emptyDir ?? {};
    const limit = sizeLimit === undefined ? 0 : wholeValue(sizeLimit);
    const kind = medium === 'Memory' ? 'Memory' : medium.startsWith('HugePages') ? 'HugePages' : '';
    return { name, kind: 'emptyDir', medium: kind, ...(limit > 0 ? { sizeLimitBytes: limit } : {}) };
  }
  throw new Error(
    `volume source ${JSON.stringify(Object.keys(volume).find((key) => key !== 'name'))} is not supported by this node`,
  );
}

const hasSource = (volume: Volume): boolean => Object.keys(volume).some((key) => key !== 'name');

/** Volumes that are folders of a node, or of an Amazon EFS file system; others need a driver. */
function claimedVolume(
  name: string,
  claimName: string,
  readOnly: boolean,
  references: VolumeReferences,
): ResolvedVolume {
  const claim = references.claim(claimName);
  if (!claim) throw missing('persistentvolumeclaim', claimName);
  if (claim.status?.phase !== 'Bound' || !claim.spec?.volumeName) throw new Error(`PVC is not bound`);
  const volume = references.volume(claim.spec.volumeName);
  if (!volume) throw new Error(`failed to fetch PV ${JSON.stringify(claim.spec.volumeName)} from API server`);
  const path = volume.spec?.hostPath?.path ?? volume.spec?.local?.path;
  const efs = efsVolume(name, volume.spec ?? {}, readOnly);
  if (efs) return efs;
  if (path === undefined)
    throw new Error(
      `persistent volume ${JSON.stringify(claim.spec.volumeName)} has a source that is not supported by this node`,
    );
  return { name, kind: 'hostPath', path, type: volume.spec?.hostPath?.type ?? '' };
}

function configMapFiles(
  references: PodReferences,
  name: string,
  items: readonly KeyToPath[] | undefined,
  mode: number,
  optional: boolean | undefined,
): VolumeFile[] {
  const object = references.configMap(name);
  if (!object) {
    if (optional) return [];
    throw missing('configmap', name);
  }
  const contents = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(object.data ?? {})) contents.set(key, Buffer.from(value, 'utf8'));
  for (const [key, value] of Object.entries(object.binaryData ?? {})) contents.set(key, Buffer.from(value, 'base64'));
  return keyedFiles(contents, items, mode, optional, 'configmap references non-existent config key');
}

function secretFiles(
  references: PodReferences,
  name: string,
  items: readonly KeyToPath[] | undefined,
  mode: number,
  optional: boolean | undefined,
): VolumeFile[] {
  const object = references.secret(name);
  if (!object) {
    if (optional) return [];
    throw missing('secret', name);
  }
  const contents = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(object.data ?? {})) contents.set(key, Buffer.from(value, 'base64'));
  return keyedFiles(contents, items, mode, optional, 'references non-existent secret key');
}

/** Every key under its own name, or the chosen ones under theirs. */
function keyedFiles(
  contents: ReadonlyMap<string, Uint8Array>,
  items: readonly KeyToPath[] | undefined,
  mode: number,
  optional: boolean | undefined,
  absent: string,
): VolumeFile[] {
  if (!items?.length) return [...contents].map(([path, content]) => ({ path, content, mode }));
  const files: VolumeFile[] = [];
  for (const item of items) {
    const content = contents.get(item.key);
    if (content) files.push({ path: item.path, content, mode: item.mode ?? mode });
    else if (!optional) throw new Error(`${absent}: ${item.key}`);
  }
  return files;
}

function downwardFiles(
  items: readonly DownwardAPIVolumeFile[] | undefined,
  mode: number,
  pod: Pod,
  node: NodeFacts,
): VolumeFile[] {
  return (items ?? []).map((item) => {
    const text = item.fieldRef
      ? podFieldValue(item.fieldRef, pod, node)
      : item.resourceFieldRef
        ? resourceFieldValue(item.resourceFieldRef, pod, undefined, node)
        : '';
    return { path: item.path, content: Buffer.from(text, 'utf8'), mode: item.mode ?? mode };
  });
}

/** Sources in turn; where two name one path, the later one wins. */
function projectedFiles(
  projected: ProjectedVolumeSource,
  pod: Pod,
  references: VolumeReferences,
  node: NodeFacts,
): VolumeFile[] {
  const mode = projected.defaultMode ?? 0o644;
  const files = new Map<string, VolumeFile>();
  const add = (list: readonly VolumeFile[]): void => {
    for (const file of list) files.set(file.path, file);
  };
  for (const source of projected.sources ?? []) {
    if (source.configMap) {
      add(
        configMapFiles(
          references,
          source.configMap.name ?? '',
          source.configMap.items,
          mode,
          source.configMap.optional,
        ),
      );
    } else if (source.secret) {
      add(secretFiles(references, source.secret.name ?? '', source.secret.items, mode, source.secret.optional));
    } else if (source.downwardAPI) {
      add(downwardFiles(source.downwardAPI.items, mode, pod, node));
    } else if (source.serviceAccountToken) {
      const { audience = '', expirationSeconds = 3600, path } = source.serviceAccountToken;
      const token = references.token(audience, expirationSeconds);
      if (token !== undefined) add([{ path, content: Buffer.from(token, 'utf8'), mode }]);
    } else {
      throw new Error(
        `projected volume source ${JSON.stringify(Object.keys(source)[0])} is not supported by this node`,
      );
    }
  }
  return [...files.values()];
}
