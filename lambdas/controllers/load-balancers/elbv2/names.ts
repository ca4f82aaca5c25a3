/**
 * Names and tags of what stands in AWS. Tags say whose something is; names carry enough of it (hashes of owner and backend) that
 * the few candidates are found in a list before tags have to be read.
 */
import { createHash } from 'node:crypto';
import type { StackOwner } from './desired-stack.ts';

export const clusterTag = 'nodeless.dev/cluster';
export const uidTag = 'nodeless.dev/uid';
/** `<namespace>/<name>` of the Service whose pods are the targets. */
export const backendTag = 'nodeless.dev/backend';
export const ownerTags = {
  service: 'nodeless.dev/service',
  ingress: 'nodeless.dev/ingress-group',
  'cluster-ip': 'nodeless.dev/cluster-ip',
} as const;
/**
 * On a load balancer: the hash of the stack that it was last found or put in order for. Several processes deploy in turn, and each
 * remembers what it did: this tells whether another one has been there since.
 */
export const shapeTag = 'nodeless.dev/shape';
/** Its value while a stack is being changed. */
export const unfinishedShape = '-';
/** Not to be set by users. */
export const reservedTags: ReadonlySet<string> = new Set([
  clusterTag,
  uidTag,
  backendTag,
  shapeTag,
  ...Object.values(ownerTags),
]);

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const maxTagValue = 256;

export function shortHash(length: number, ...parts: readonly string[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest();
  return Array.from(digest.subarray(0, length), (byte) => alphabet[byte % 32]).join('');
}

/** What of a name may stand in an AWS name, shortened; never empty. */
function readable(name: string, length: number): string {
  const clean = (name.split('/').at(-1) ?? '').replaceAll(/[^A-Za-z0-9]+/g, '-');
  return clean.slice(0, length).replaceAll(/^-+|-+$/g, '') || 'x';
}

const ownerHash = (cluster: string, { kind, id }: StackOwner): string => shortHash(6, cluster, kind, id);
const backendHash = (cluster: string, backend: string): string => shortHash(6, cluster, 'backend', backend);

/** At most 32 characters. `variant`: what cannot be changed on a load balancer; another value makes another one. */
export function loadBalancerName(cluster: string, owner: StackOwner, variant: readonly string[]): string {
  return `nl-${readable(owner.id, 11)}-${ownerHash(cluster, owner)}-${shortHash(6, ...variant)}`;
}

/** At most 32 characters. `backend` is `<namespace>/<name>` of a Service. */
export function targetGroupName(
  cluster: string,
  owner: StackOwner,
  backend: string,
  variant: readonly string[],
): string {
  return `nl-${readable(backend, 8)}-${ownerHash(cluster, owner)}-${backendHash(cluster, backend)}-${shortHash(5, ...variant)}`;
}

/** Whether the load balancer can be this owner's: by a name of ours, or any name of a user's choice. */
export function maybeLoadBalancerOf(cluster: string, owner: StackOwner | undefined, name: string): boolean {
  const ours = /^nl-.+-([a-z2-7]{6})-[a-z2-7]{6}$/.exec(name);
  return !ours || !owner || ours[1] === ownerHash(cluster, owner);
}

const groupName = /^nl-.+-([a-z2-7]{6})-([a-z2-7]{6})-[a-z2-7]{5}$/;
export const maybeTargetGroupOf = (cluster: string, owner: StackOwner | undefined, name: string): boolean => {
  const match = groupName.exec(name);
  return match !== null && (!owner || match[1] === ownerHash(cluster, owner));
};
export const isTargetGroupFor = (cluster: string, backend: string, name: string): boolean =>
  groupName.exec(name)?.[2] === backendHash(cluster, backend);

export function tagValue(value: string): string {
  return value.length <= maxTagValue ? value : `${value.slice(0, maxTagValue - 11)}-${shortHash(10, value)}`;
}

export function stackTags(
  cluster: string,
  owner: StackOwner,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(more).filter(([key]) => !reservedTags.has(key))),
    [clusterTag]: cluster,
    [ownerTags[owner.kind]]: tagValue(owner.id),
    ...(owner.uid === '' ? {} : { [uidTag]: owner.uid }),
  };
}

/** Tags that find everything of an owner, whatever its UID was. */
export function identityTags(cluster: string, owner: StackOwner): Record<string, string> {
  return { [clusterTag]: cluster, [ownerTags[owner.kind]]: tagValue(owner.id) };
}

export function ownerFromTags(tags: ReadonlyMap<string, string>): StackOwner | undefined {
  for (const kind of ['service', 'ingress', 'cluster-ip'] as const) {
    const id = tags.get(ownerTags[kind]);
    if (id !== undefined) return { kind, id, uid: tags.get(uidTag) ?? '' };
  }
  return undefined;
}

export function securityGroupName(cluster: string, owner: StackOwner): string {
  return `nodeless-${cluster}-${owner.kind}-${owner.id.replaceAll('/', '-')}`.slice(0, 240);
}
