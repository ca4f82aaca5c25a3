/** A model of one Route 53 hosted zone behind the real SDK client: change batches are atomic, one at a time, and limited. */
import type { HttpRequest } from '@smithy/protocol-http';
import type { Clock } from '@nodeless/component-base/clock';
import { type Faults, createFaults } from './call-faults.ts';
import { AwsFault, toXml, xmlResponse } from './query-protocol.ts';
import { type RequestHandler, bodyText } from './request-handler.ts';

export interface RecordSet {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly values: readonly string[];
}

export interface Route53Rig {
  readonly requestHandler: RequestHandler;
  readonly faults: Faults;
  /** By `<name> <type>`; names end with a dot. */
  readonly records: Map<string, RecordSet>;
  /** Sizes of the batches so far, in changes. */
  readonly batches: number[];
}

/** `changeMs`: so long a batch holds up the next one (PriorRequestNotComplete). */
export function createRoute53Rig(options: {
  readonly clock: Clock;
  readonly zone?: string;
  readonly domain?: string;
  readonly changeMs?: number;
  readonly perSecond?: number;
  readonly burst?: number;
}): Route53Rig {
  const { clock, zone = 'Z1', domain = 'cluster.local', changeMs = 0 } = options;
  const faults = createFaults({
    clock,
    throttle: { perSecond: options.perSecond ?? 10, burst: options.burst ?? 50 },
  });
  const records = new Map<string, RecordSet>();
  const batches: number[] = [];
  const put = (record: RecordSet): void => void records.set(`${record.name} ${record.type}`, record);
  put({ name: `${domain}.`, type: 'NS', ttl: 172_800, values: ['ns-0.awsdns-00.com.'] });
  put({
    name: `${domain}.`,
    type: 'SOA',
    ttl: 900,
    values: ['ns-0.awsdns-00.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400'],
  });
  let busyUntil = -Infinity;

  const change = (body: string): object => {
    if (clock.now() < busyUntil)
      throw new AwsFault(
        'PriorRequestNotComplete',
        'The request was rejected because a prior request is not complete.',
      );
    const changes = [...body.matchAll(/<Change>(.*?)<\/Change>/gs)].map(([, inner = '']) => ({
      action: one(inner, 'Action'),
      record: {
        name: absolute(one(inner, 'Name')),
        type: one(inner, 'Type'),
        ttl: Number(one(inner, 'TTL')),
        values: [...inner.matchAll(/<Value>(.*?)<\/Value>/gs)].map(([, value = '']) => unescaped(value)),
      },
    }));
    const counted = changes.reduce(
      (sum, { action, record }) => sum + record.values.length * (action === 'UPSERT' ? 2 : 1),
      0,
    );
    const characters = changes.reduce(
      (sum, { action, record }) => sum + record.values.join('').length * (action === 'UPSERT' ? 2 : 1),
      0,
    );
    if (counted > 1000 || characters > 32_000)
      throw new AwsFault('InvalidChangeBatch', 'Number of records limit of 1000 exceeded.');
    const next = new Map(records);
    const wrong: string[] = [];
    for (const { action, record } of changes) {
      const key = `${record.name} ${record.type}`;
      const before = next.get(key);
      const about = `[name='${record.name}', type='${record.type}']`;
      if (!record.name.endsWith(`${domain}.`))
        wrong.push(`RRSet with DNS name ${record.name} is not permitted in zone ${domain}.`);
      if (new Set(record.values).size !== record.values.length) wrong.push(`Duplicate Resource Record in ${about}`);
      if (record.type === 'CNAME' && [...next.values()].some((r) => r.name === record.name && r.type !== 'CNAME'))
        wrong.push(
          `RRSet of type CNAME with DNS name ${record.name} is not permitted as it conflicts with other records`,
        );
      if (action === 'DELETE') {
        if (!before || before.ttl !== record.ttl || before.values.toSorted().join() !== record.values.toSorted().join())
          wrong.push(`Tried to delete resource record set ${about} but it was not found`);
        next.delete(key);
      } else if (action === 'CREATE' && before)
        wrong.push(`Tried to create resource record set ${about} but it already exists`);
      else next.set(key, record);
    }
    if (wrong.length > 0) throw new AwsFault('InvalidChangeBatch', `[${wrong.join(', ')}]`);
    records.clear();
    for (const [key, record] of next) records.set(key, record);
    batches.push(changes.length);
    busyUntil = clock.now() + changeMs;
    return { ChangeInfo: { Id: '/change/C1', Status: 'PENDING', SubmittedAt: new Date(clock.now()) } };
  };

  const list = (query: Readonly<Record<string, unknown>>): object => {
    // The order of Route 53: by the labels from the right.
    const order = ({ name, type }: RecordSet): string => `${name.split('.').reverse().join('.')} ${type}`;
    const sorted = [...records.values()].toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
    const start = query['name'] ? sorted.findIndex((r) => r.name === query['name'] && r.type === query['type']) : 0;
    const size = Math.min(Number(query['maxitems'] ?? 300), 300);
    const page = sorted.slice(Math.max(start, 0), Math.max(start, 0) + size);
    const next = sorted[Math.max(start, 0) + size];
    return {
      ResourceRecordSets: page.map(({ name, type, ttl, values }) => ({
        ResourceRecordSet: {
          Name: name,
          Type: type,
          TTL: ttl,
          ResourceRecords: values.map((Value) => ({ ResourceRecord: { Value } })),
        },
      })),
      IsTruncated: next !== undefined,
      NextRecordName: next?.name,
      NextRecordType: next?.type,
      MaxItems: size,
    };
  };

  return {
    faults,
    records,
    batches,
    requestHandler: {
      metadata: { handlerProtocol: 'http/1.1' },
      async handle(request: HttpRequest) {
        const operation = request.method === 'POST' ? 'ChangeResourceRecordSets' : 'ListResourceRecordSets';
        try {
          return await faults.around(operation, () => {
            if (!request.path.includes(`/hostedzone/${zone}/rrset`))
              throw new AwsFault('NoSuchHostedZone', `No hosted zone found with ID: ${request.path}`, 404);
            const result = operation === 'ChangeResourceRecordSets' ? change(bodyText(request)) : list(request.query);
            return xmlResponse(200, `<${operation}Response>${flat(result)}</${operation}Response>`);
          });
        } catch (error) {
          if (!(error instanceof AwsFault)) throw error;
          const { code, message, status } = error;
          return xmlResponse(
            status,
            `<ErrorResponse><Error>${toXml({ Type: 'Sender', Code: code, Message: message }, 'x')}</Error></ErrorResponse>`,
          );
        }
      },
      destroy() {},
      updateHttpClientConfig() {},
      httpHandlerConfigs: () => ({}),
    },
  };
}

/** Items of lists are objects with the item's element as their one member. */
function flat(value: unknown): string {
  if (Array.isArray(value)) return value.map(flat).join('');
  if (value === null || typeof value !== 'object' || value instanceof Date) return toXml(value, 'x');
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `<${name}>${flat(member)}</${name}>`)
    .join('');
}

const unescaped = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
const one = (xml: string, name: string): string =>
  unescaped(new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(xml)?.[1] ?? '');
const absolute = (name: string): string => (name.endsWith('.') ? name : `${name}.`).toLowerCase();
