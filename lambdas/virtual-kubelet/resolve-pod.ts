import type {
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Service,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import { persistentVolumeClaims, persistentVolumes } from '@nodeless/client/resource-types';
import type { NodeFacts } from './downward-api.ts';
import { type ClusterDns, podDns, podHostname } from './pod-dns.ts';
import { resolveContainer } from './pod-environment.ts';
import { type ReferencedNames, referencesOf } from './pod-references.ts';
import { resolveVolumes, type VolumeProblem } from './pod-volumes.ts';
import type { NodeCapacity, ResolvedContainer, ResolvedPod } from './providers/provider.ts';
import { registryCredentials } from './pull-secrets.ts';
import type { ReferenceCache } from './reference-cache.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';

export interface ResolveDeps {
  readonly client: Client;
  readonly references: ReferenceCache;
  readonly tokens: ServiceAccountTokens;
  readonly services: () => readonly Service[];
  readonly dns: ClusterDns;
  /** False: nothing reads volumes, so none are made. */
  readonly withVolumes: boolean;
}

export interface Resolution {
  readonly pod: ResolvedPod;
  /** While there are any the pod cannot start. */
  readonly problems: readonly VolumeProblem[];
}

/** Reads everything that a pod refers to, so that a provider needs no API. Rejects while the API does not answer. */
export async function resolvePod(pod: Pod, node: NodeCapacity, deps: ResolveDeps): Promise<Resolution> {
  const { client, references, tokens } = deps;
  const { namespace = '', uid = '' } = pod.metadata ?? {};
  const names = referencesOf(pod, deps.withVolumes);
  const hasNames = names.configMaps.size + names.secrets.size + names.pullSecrets.size > 0;
  // Asked for even when empty, so that what the pod held before is let go.
  const held = references.hold(uid, namespace, {
    configMaps: names.configMaps,
    secrets: new Set([...names.secrets, ...names.pullSecrets]),
  });
  if (hasNames) await held;
  const claims = names.claims.size > 0 ? await readClaims(client, namespace, names) : noClaims;
  const issued = new Map<string, string>();
  const refused = new Map<string, Error>();
  for (const { audience, expirationSeconds } of names.tokens) {
    const key = `${audience}\n${expirationSeconds}`;
    try {
      issued.set(key, await tokens.token(pod, audience, expirationSeconds));
    } catch (error) {
      refused.set(
        key,
        new Error(`failed to fetch token: ${error instanceof Error ? error.message : String(error)}`, { cause: error }),
      );
    }
  }

  const facts: NodeFacts = {
    hostIps: node.addresses.filter((a) => a.type === 'InternalIP').map((a) => a.address),
    allocatable: node.allocatable,
  };
  const sources = {
    configMap: (name: string) => references.configMap(namespace, name),
    secret: (name: string) => references.secret(namespace, name),
    services: deps.services(),
    claim: (name: string) => claims.claims.get(name),
    volume: (name: string) => claims.volumes.get(name),
    token: (audience: string, expirationSeconds: number) => {
      const key = `${audience}\n${expirationSeconds}`;
      const refusal = refused.get(key);
      if (refusal) throw refusal;
      return issued.get(key);
    },
  };
  const containers: Record<string, ResolvedContainer> = {};
  for (const container of [
    ...(pod.spec?.initContainers ?? []),
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.ephemeralContainers ?? []),
  ]) {
    containers[container.name] = resolveContainer(pod, container, sources, facts);
  }
  const { volumes, problems } = deps.withVolumes ? resolveVolumes(pod, sources, facts) : { volumes: [], problems: [] };
  const { hostname, domain } = podHostname(pod, deps.dns.domain, pod.spec?.nodeName ?? '');
  return {
    problems,
    pod: {
      pod,
      containers,
      volumes,
      dns: podDns(pod, deps.dns),
      hostname,
      ...(domain === '' ? {} : { hostDomain: domain }),
      hostAliases: (pod.spec?.hostAliases ?? []).map(({ ip, hostnames = [] }) => ({ ip, hostnames })),
      pullSecrets: [...names.pullSecrets].flatMap((name) => {
        const secret = references.secret(namespace, name);
        return secret ? registryCredentials(secret) : [];
      }),
      nodeAddresses: node.addresses,
    },
  };
}

interface Claims {
  readonly claims: ReadonlyMap<string, PersistentVolumeClaim>;
  readonly volumes: ReadonlyMap<string, PersistentVolume>;
}

const noClaims: Claims = { claims: new Map(), volumes: new Map() };

/** Claims and their volumes are read, not watched: they matter when a pod starts. */
async function readClaims(client: Client, namespace: string, names: ReferencedNames): Promise<Claims> {
  const claims = new Map<string, PersistentVolumeClaim>();
  const volumes = new Map<string, PersistentVolume>();
  for (const name of names.claims) {
    const claim = await orAbsent(client.get(persistentVolumeClaims, { namespace, name }));
    if (!claim) continue;
    claims.set(name, claim);
    const bound = claim.spec?.volumeName;
    const volume = bound ? await orAbsent(client.get(persistentVolumes, { name: bound })) : undefined;
    if (bound && volume) volumes.set(bound, volume);
  }
  return { claims, volumes };
}

async function orAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
