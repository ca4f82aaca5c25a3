import { createHash, randomBytes } from 'node:crypto';
import type { ConfigMap, Node, Pod, Secret, Volume } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { ApiError, isNotFound } from '@nodeless/apimachinery/status';
import type { Client, ResourceType } from '@nodeless/client/client';
import { configMaps, nodes, secrets } from '@nodeless/client/resource-types';
import type { AgentFile, AgentFolder, AgentVolume, TokenQuery, VolumesResponse } from '../agent/agent-protocol.ts';
import type { NodeFacts } from '../downward-api.ts';
import { referencesOf } from '../pod-references.ts';
import { resolveVolumes } from '../pod-volumes.ts';
import type { VolumeFile } from '../providers/provider.ts';

/** How often what is in the volumes may change: by an edit, hardly ever (the cluster's roots), or not at all. */
export type Changeability = 'often' | 'rarely' | 'never';

export interface AgentVolumes {
  readonly response: VolumesResponse;
  readonly changeability: Changeability;
}

const isFiles = (volume: Volume): boolean =>
  Boolean(volume.configMap ?? volume.secret ?? volume.downwardAPI ?? volume.projected);

/** A volume without a source is an emptyDir. */
const isEmptyDir = (volume: Volume): boolean =>
  volume.emptyDir !== undefined || Object.keys(volume).every((key) => key === 'name');

/** Names of the pod's volumes that its agent writes or prepares: they have to be mounted in its container. */
export function agentVolumeNames(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).filter((v) => isFiles(v) || isEmptyDir(v)).map((v) => v.name);
}

/** Everyone may write in an emptyDir; with an fsGroup what is made in it belongs to the group. */
export function agentFolders(pod: Pod): AgentFolder[] {
  const gid = pod.spec?.securityContext?.fsGroup;
  return (pod.spec?.volumes ?? [])
    .filter(isEmptyDir)
    .map(({ name }) => (gid === undefined ? { name, mode: 0o777 } : { name, mode: 0o2777, gid }));
}

/** The tokens that the pod's volumes project, and no others. */
export function projectedTokens(pod: Pod): readonly TokenQuery[] {
  const found = new Map<string, TokenQuery>();
  for (const query of referencesOf(pod).tokens) found.set(`${query.audience}\n${query.expirationSeconds}`, query);
  return [...found.values()];
}

/** Reads, as the pod's node, what its volumes consist of. Errors: 409 while something is missing, and the client's. */
export async function readAgentVolumes(pod: Pod, client: Client): Promise<AgentVolumes> {
  const namespace = pod.metadata?.namespace ?? '';
  const volumes = (pod.spec?.volumes ?? []).filter(isFiles);
  const narrowed: Pod = { ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], volumes } };
  const names = volumeReferences(volumes);
  const [maps, keys, facts] = await Promise.all([
    readAll<ConfigMap>(client, configMaps, namespace, names.configMaps),
    readAll<Secret>(client, secrets, namespace, names.secrets),
    volumes.some(asksForResources) ? nodeFacts(client, pod.spec?.nodeName ?? '') : noFacts,
  ]);
  // What stands in for a token cannot be guessed, so no ConfigMap can pretend to hold one.
  const nonce = randomBytes(16).toString('hex');
  const queries = projectedTokens(narrowed);
  const { volumes: resolved, problems } = resolveVolumes(
    narrowed,
    {
      configMap: (name) => maps.get(name),
      secret: (name) => keys.get(name),
      services: [],
      claim: () => undefined,
      volume: () => undefined,
      token: (audience, seconds) =>
        `${nonce}${queries.findIndex((q) => q.audience === audience && q.expirationSeconds === seconds)}`,
    },
    facts,
  );
  if (problems[0]) throw new ApiError({ code: 409, reason: 'Conflict', message: problems[0].message });

  const gid = pod.spec?.securityContext?.fsGroup;
  const owner = commonUser(pod);
  const toFile = ({ path, content, mode }: VolumeFile): AgentFile => {
    const bytes = Buffer.from(content);
    const text = bytes.length < 64 ? bytes.toString('latin1') : '';
    const token = text.startsWith(nonce) ? queries[Number(text.slice(nonce.length))] : undefined;
    if (!token) return { path, ...rights(mode, owner, gid), content: bytes.toString('base64') };
    // As the kubelet: a token is for the one user or group that the pod runs as, where there is one.
    if (owner !== undefined && gid === undefined) return { path, mode: 0o600, uid: owner, token };
    return { path, ...rights(gid === undefined ? mode : 0o600, owner, gid), token };
  };
  const list: AgentVolume[] = resolved.flatMap((volume) =>
    volume.kind === 'files'
      ? [{ name: volume.name, ...(gid === undefined ? {} : { gid }), files: volume.files.map(toFile) }]
      : [],
  );
  return {
    response: { revision: createHash('sha256').update(JSON.stringify(list)).digest('hex').slice(0, 32), volumes: list },
    changeability: changeability(volumes, maps, keys),
  };
}

/**
 * An fsGroup is for every process of the pod. A task's containers cannot be put into further groups, so its rights go to the user
 * that they all run as, or, where that is not known, to everyone in the containers that mount the volume.
 */
function rights(mode: number, owner: number | undefined, gid: number | undefined): { mode: number; uid?: number } {
  if (gid === undefined) return { mode };
  return owner === undefined ? { mode: mode | 0o444 } : { mode, uid: owner };
}

function volumeReferences(volumes: readonly Volume[]): { configMaps: Set<string>; secrets: Set<string> } {
  const found = { configMaps: new Set<string>(), secrets: new Set<string>() };
  const add = (set: Set<string>, name: string | undefined): void => void (name && set.add(name));
  for (const volume of volumes) {
    add(found.configMaps, volume.configMap?.name);
    add(found.secrets, volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) {
      add(found.configMaps, source.configMap?.name);
      add(found.secrets, source.secret?.name);
    }
  }
  return found;
}

async function readAll<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  namespace: string,
  names: ReadonlySet<string>,
): Promise<ReadonlyMap<string, T>> {
  const found = new Map<string, T>();
  await Promise.all(
    [...names].map(async (name) => {
      try {
        found.set(name, await client.get(type, { namespace, name }));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }),
  );
  return found;
}

const noFacts: NodeFacts = { hostIps: [], allocatable: {} };

const asksForResources = (volume: Volume): boolean =>
  [
    ...(volume.downwardAPI?.items ?? []),
    ...(volume.projected?.sources ?? []).flatMap((s) => s.downwardAPI?.items ?? []),
  ].some((item) => item.resourceFieldRef !== undefined);

/** A container without a limit has the node's. */
async function nodeFacts(client: Client, name: string): Promise<NodeFacts> {
  const { status }: Node = await client.get(nodes, { name });
  return {
    hostIps: (status?.addresses ?? []).filter((a) => a.type === 'InternalIP').map((a) => a.address),
    allocatable: status?.allocatable ?? {},
  };
}

/** The user that every container runs as, where they all say the same. */
function commonUser(pod: Pod): number | undefined {
  const users = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(
    (c) => c.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser,
  );
  return users.every((user) => user === users[0]) ? users[0] : undefined;
}

/** In every namespace, and the same as long as the cluster's certificate authority is. */
const rootCertificates = 'kube-root-ca.crt';

function changeability(
  volumes: readonly Volume[],
  maps: ReadonlyMap<string, ConfigMap>,
  keys: ReadonlyMap<string, Secret>,
): Changeability {
  const { configMaps: mapNames, secrets: secretNames } = volumeReferences(volumes);
  const follows = volumes.some((v) =>
    [...(v.downwardAPI?.items ?? []), ...(v.projected?.sources ?? []).flatMap((s) => s.downwardAPI?.items ?? [])].some(
      (item) => /^metadata\.(labels|annotations)/.test(item.fieldRef?.fieldPath ?? ''),
    ),
  );
  const edited =
    [...mapNames].some((name) => name !== rootCertificates && maps.get(name)?.immutable !== true) ||
    [...secretNames].some((name) => keys.get(name)?.immutable !== true);
  if (follows || edited) return 'often';
  return mapNames.has(rootCertificates) && maps.get(rootCertificates)?.immutable !== true ? 'rarely' : 'never';
}
