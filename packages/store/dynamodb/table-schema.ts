import { typeOf } from '../keys.ts';
import type { PendingChunks } from './table.ts';

/**
 * The table (format 1). Partition key `pk` and sort key `sk` are strings; `x` is the time to live, in seconds.
 *
 *   OBJ#<type>#<bucket>   <namespace>/<name>   current objects: r revision, t time, b body or c chunks;
 *                                              g gravestone of a deleted one
 *   LOG#<type>#<epoch>    <seq, 16 digits>     the ordered log: k count, w writer, t time, s settled, e events (none:
 *                                              tombstone)
 *   SEQ#<type>            SEQ                  n last ticket, t when, s settled, base, compacted, buckets
 *   BODY#<type>#<id>      <index, 4 digits>    d a piece of a large body
 *   PENDING               <time>#<id>          bodies that no commit refers to, yet or any more: type, id, parts, t; q claimed
 *   QUIET                 QUIET                n generation of the quiet types
 *   LIFE                  LIFE                 id of the table that this life began in, base
 */
export const tableDefinition = {
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
  StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
} as const;

export const timeToLiveAttribute = 'x';

/** How many log entries share a partition: it bounds one partition's size, and old ones cool down. */
export const epochSize = 65_536;

export function epochOf(seq: number): number {
  return Math.floor(seq / epochSize);
}

export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

export function objectPartition(type: string, bucket: number): string {
  return `OBJ#${type}#${bucket}`;
}

export function objectItemKey(key: string, bucket: number): ItemKey {
  const type = typeOf(key);
  return { pk: objectPartition(type, bucket), sk: key.slice(type.length) };
}

export function logPartition(type: string, epoch: number): string {
  return `LOG#${type}#${epoch}`;
}

export function logSortKey(seq: number): string {
  return seq.toString().padStart(16, '0');
}

export function logItemKey(type: string, seq: number): ItemKey {
  return { pk: logPartition(type, epochOf(seq)), sk: logSortKey(seq) };
}

/** The type that an item of the log is of; undefined for other items. */
export function typeOfLogPartition(pk: string): string | undefined {
  return pk.startsWith('LOG#') ? pk.slice('LOG#'.length, pk.lastIndexOf('#')) : undefined;
}

export function sequenceItemKey(type: string): ItemKey {
  return { pk: `SEQ#${type}`, sk: 'SEQ' };
}

export function chunkPartition(type: string, id: string): string {
  return `BODY#${type}#${id}`;
}

export function chunkSortKey(index: number): string {
  return index.toString().padStart(4, '0');
}

export const pendingPartition = 'PENDING';

export function pendingItemKey({ time, id }: PendingChunks): ItemKey {
  return { pk: pendingPartition, sk: `${logSortKey(time)}#${id}` };
}

export const lifeItemKey: ItemKey = { pk: 'LIFE', sk: 'LIFE' };

export const generationItemKey: ItemKey = { pk: 'QUIET', sk: 'QUIET' };

/**
 * Types that every request asks for and that are written once in a while: each commit to one of them grows a number that
 * they share, so that one look at it says whether anything is new in any of them.
 */
const quiet = new Set([
  ...['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'].map((one) => `rbac.authorization.k8s.io/${one}/`),
  'apiextensions.k8s.io/customresourcedefinitions/',
  'apiregistration.k8s.io/apiservices/',
  ...[
    'mutatingwebhookconfigurations',
    'validatingwebhookconfigurations',
    'mutatingadmissionpolicies',
    'mutatingadmissionpolicybindings',
    'validatingadmissionpolicies',
    'validatingadmissionpolicybindings',
  ].map((one) => `admissionregistration.k8s.io/${one}/`),
  '/limitranges/',
  'scheduling.k8s.io/priorityclasses/',
  'storage.k8s.io/storageclasses/',
  'networking.k8s.io/ingressclasses/',
  'node.k8s.io/runtimeclasses/',
]);

export function isQuiet(type: string): boolean {
  return quiet.has(type);
}

/** Types that are written by many at once; the others live in one partition. */
const spread = new Set(['/pods/', '/events/', 'events.k8s.io/events/', 'discovery.k8s.io/endpointslices/']);

export function bucketsOf(type: string): number {
  return spread.has(type) ? 4 : 1;
}

/** The bucket of a key: FNV-1a over its UTF-16 units. Never to be changed: objects are found by it. */
export function bucketOf(key: string, buckets: number): number {
  if (buckets === 1) return 0;
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % buckets;
}
