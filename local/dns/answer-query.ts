import type { ClusterZone } from './cluster-zone.ts';
import type { Forwarder } from './forwarder.ts';
import {
  encodeReply,
  failure,
  internetClass,
  type Name,
  parseQuery,
  type Query,
  rcodes,
  readName,
  recordTypes,
  type Reply,
  type ResourceRecord,
} from './message.ts';

export interface QueryAnswerer {
  /** The answer's bytes; undefined = say nothing. */
  answer(message: Buffer, overTcp: boolean): Promise<Buffer | undefined>;
}

const maxChain = 8;
const classicUdpSize = 512;
const maxTcpSize = 65_535;

/** Answers names of the cluster, and passes others on. */
export function createQueryAnswerer(zone: ClusterZone, forwarder: Forwarder): QueryAnswerer {
  /** Follows a CNAME: stub resolvers do not, they expect the address beside it. */
  const chase = async (query: Query, reply: Reply, overTcp: boolean): Promise<Reply> => {
    const answers = [...reply.answers];
    let { rcode } = reply;
    for (let i = 0; i < maxChain; i++) {
      const target = aliasOf(answers.at(-1));
      if (!target || query.type === recordTypes.CNAME || query.type === recordTypes.ANY) break;
      const inside = zone.answer(target, query.type);
      if (inside) {
        rcode = inside.rcode;
        if (inside.answers.length === 0) return { ...inside, answers };
        answers.push(...inside.answers);
        continue;
      }
      const outside = await forwarder.ask(queryFor(target, query.type), overTcp);
      if (outside) answers.push(...addressesIn(outside));
      else rcode = rcodes.serverFailure;
      break;
    }
    return { ...reply, rcode, answers };
  };

  return {
    async answer(message, overTcp) {
      const query = parseQuery(message);
      if (!query) return failure(message, rcodes.formatError);
      const limit = overTcp ? maxTcpSize : Math.max(classicUdpSize, query.edns?.udpSize ?? 0);
      const plain = (rcode: number): Buffer =>
        encodeReply(query, { rcode, authoritative: false, answers: [], authority: [], additional: [] }, limit);
      if (query.opcode !== 0) return plain(rcodes.notImplemented);
      if (query.edns && query.edns.version > 0) return plain(rcodes.badVersion);
      if (query.class === internetClass) {
        const own = zone.answer(query.name, query.type);
        if (own) return encodeReply(query, await chase(query, own, overTcp), limit);
      }
      return (await forwarder.ask(message, overTcp)) ?? plain(rcodes.serverFailure);
    },
  };
}

const aliasOf = (record: ResourceRecord | undefined): Name | undefined =>
  record?.data.type === 'CNAME' ? record.data.target : undefined;

function queryFor(name: Name, type: number): Buffer {
  const labels = name.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const tail = Buffer.from([0, type >> 8, type & 255, 0, internetClass]);
  return Buffer.concat([head, ...labels, tail]);
}

/** CNAME, A and AAAA records of an answer; others do not lead on. */
function addressesIn(message: Buffer): ResourceRecord[] {
  const records: ResourceRecord[] = [];
  try {
    let at = readName(message, 12).next + 4;
    for (let i = 0; i < message.readUInt16BE(6); i++) {
      const { name, next } = readName(message, at);
      const type = message.readUInt16BE(next);
      const ttl = message.readUInt32BE(next + 4);
      const length = message.readUInt16BE(next + 8);
      const start = next + 10;
      if (type === recordTypes.CNAME)
        records.push({ name, ttl, data: { type: 'CNAME', target: readName(message, start).name } });
      else if (type === recordTypes.A && length === 4)
        records.push({ name, ttl, data: { type: 'A', address: [...message.subarray(start, start + 4)].join('.') } });
      else if (type === recordTypes.AAAA && length === 16)
        records.push({ name, ttl, data: { type: 'AAAA', address: groupsOf(message.subarray(start, start + 16)) } });
      at = start + length;
    }
  } catch {
    // What could be read of a broken answer is better than nothing.
  }
  return records;
}

function groupsOf(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(':');
}
