/** Which ClusterIPs a Service has: families, and the address that is reserved by an IPAddress object of its name. */
import type { Service, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { invalidValue } from '@nodeless/apimachinery/field-errors';
import { type Cidr, cidrAddress, cidrContains, cidrSize, parseIp } from '@nodeless/apimachinery/ip';
import { ApiError, type FieldError } from '@nodeless/apimachinery/status';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { RelatedWrite, SideEffectReader } from '../../side-effects.ts';
import { needsClusterIp } from './service-type-change.ts';

const group = 'networking.k8s.io';
const resource = 'ipaddresses';
const none = 'None';
const guesses = 16;

export const addressKey = (ip: string): string => `${group}/${resource}//${ip}`;

/** The addresses that a Service holds, headless ones none. */
export function heldAddresses(service: Readonly<Service>): string[] {
  return needsClusterIp(service.spec ?? {})
    ? (service.spec?.clusterIPs ?? []).filter((ip) => ip !== none && ip !== '')
    : [];
}

/** clusterIP and clusterIPs say the same; a client may have set, changed or cleared only the one. */
export function normalizeAddresses(spec: ServiceSpec, old: Readonly<ServiceSpec> | undefined): void {
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const same = JSON.stringify(spec.clusterIPs ?? []) === JSON.stringify(old.clusterIPs ?? []);
  if ((spec.clusterIP ?? '') !== (old.clusterIP ?? '') && same) {
    if (!spec.clusterIP) delete spec.clusterIPs;
    else spec.clusterIPs = [spec.clusterIP];
  }
}

/** What a PUT left out stays as it was allocated. */
export function keepAddresses(spec: ServiceSpec, old: Readonly<ServiceSpec>): void {
  if (!needsClusterIp(spec) || !needsClusterIp(old)) return;
  if (!spec.clusterIP && !spec.clusterIPs?.length && old.clusterIP) {
    spec.clusterIP = old.clusterIP;
    spec.clusterIPs = [...(old.clusterIPs ?? [])];
  }
  spec.ipFamilies ??= old.ipFamilies && [...old.ipFamilies];
  spec.ipFamilyPolicy ??= old.ipFamilyPolicy;
}

/** Fills ipFamilies and ipFamilyPolicy for a cluster of one family. Returns what cannot be had. */
export function fillFamilies(spec: ServiceSpec): FieldError[] {
  if (!needsClusterIp(spec)) return [];
  const headlessWithoutSelector = spec.clusterIPs?.[0] === none && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= headlessWithoutSelector ? 'RequireDualStack' : 'SingleStack';
  if (headlessWithoutSelector && spec.ipFamilyPolicy !== 'SingleStack') {
    spec.ipFamilies = spec.ipFamilies?.length ? spec.ipFamilies : ['IPv4', 'IPv6'];
    return [];
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack')
    return [
      invalidValue(
        'spec.ipFamilyPolicy',
        spec.ipFamilyPolicy,
        'this cluster is not configured for dual-stack services',
      ),
    ];
  const foreign = (spec.ipFamilies ?? []).findIndex((family) => family !== 'IPv4');
  if (foreign >= 0 && !headlessWithoutSelector)
    return [invalidValue(`spec.ipFamilies[${foreign}]`, spec.ipFamilies?.[foreign], 'not configured on this cluster')];
  spec.ipFamilies = spec.ipFamilies?.length ? spec.ipFamilies : ['IPv4'];
  return [];
}

export interface Allocation {
  readonly writes: readonly RelatedWrite[];
  readonly errors: readonly FieldError[];
}

/** Gives the Service its address where it needs one and has none, and reserves what is not `held` already. */
export async function allocateAddress(
  service: Service,
  held: readonly string[],
  range: Cidr,
  read: SideEffectReader,
  taken: ReadonlySet<string>,
  random: () => number,
): Promise<Allocation> {
  const spec = service.spec ?? {};
  if (!needsClusterIp(spec) || spec.clusterIPs?.[0] === none) return { writes: [], errors: [] };
  const asked = spec.clusterIPs?.[0];
  if (asked === undefined) {
    const ip = await freeAddress(range, read, taken, random);
    spec.clusterIP = ip;
    spec.clusterIPs = [ip];
    return { writes: [reservation(service, ip)], errors: [] };
  }
  if (held.includes(asked)) return { writes: [], errors: [] };
  const address = parseIp(asked);
  // What is no address at all is the kind's own validation's to tell.
  if (!address) return { writes: [], errors: [] };
  const refuse = (why: string): Allocation => ({
    writes: [],
    errors: [invalidValue('spec.clusterIPs', spec.clusterIPs, `failed to allocate IP ${asked}: ${why}`)],
  });
  if (!cidrContains(range, address)) return refuse('the provided network does not match the current range');
  if (taken.has(addressKey(asked)) || (await read.get(group, resource, '', asked)))
    return refuse('provided IP is already allocated');
  return { writes: [reservation(service, asked)], errors: [] };
}

/** The lower part of the range is kept for addresses that people choose (KEP-3070): it is used last. */
async function freeAddress(
  range: Cidr,
  read: SideEffectReader,
  taken: ReadonlySet<string>,
  random: () => number,
): Promise<string> {
  const last = Number(cidrSize(range)) - 2;
  const band = Math.min(Math.max(16, Math.floor((last + 2) / 16)), 256);
  const first = last > band ? band : 1;
  const isFree = async (ip: string): Promise<boolean> =>
    !taken.has(addressKey(ip)) && (await read.get(group, resource, '', ip)) === undefined;
  for (let i = 0; i < guesses; i++) {
    const ip = cidrAddress(range, BigInt(first + Math.floor(random() * (last - first + 1)))) as string;
    if (await isFree(ip)) return ip;
  }
  for (const n of [...span(first, last), ...span(1, first - 1)]) {
    const ip = cidrAddress(range, BigInt(n)) as string;
    if (await isFree(ip)) return ip;
  }
  throw new ApiError({
    code: 500,
    reason: 'InternalError',
    message: 'Internal error occurred: failed to allocate a serviceIP: range is full',
    details: { causes: [{ message: 'failed to allocate a serviceIP: range is full' }] },
  });
}

function* span(from: number, to: number): Generator<number> {
  for (let n = from; n <= to; n++) yield n;
}

function reservation({ metadata }: Service, ip: string): RelatedWrite {
  const object: UnknownObject = {
    metadata: {
      name: ip,
      labels: {
        'ipaddress.kubernetes.io/ip-family': ip.includes(':') ? 'IPv6' : 'IPv4',
        'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      },
    },
    spec: { parentRef: { group: '', resource: 'services', namespace: metadata?.namespace, name: metadata?.name } },
  };
  return { type: 'create', group, resource, object };
}

export function releaseAddress(ip: string): RelatedWrite {
  return { type: 'delete', group, resource, name: ip };
}
