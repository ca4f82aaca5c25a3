import { describe, expect, it } from 'vitest';
import { createQueryAnswerer } from '../../../../local/dns/answer-query.ts';
import type { ClusterZone } from '../../../../local/dns/cluster-zone.ts';
import { encodeReply, parseQuery, type RecordData, recordTypes } from '../../../../local/dns/message.ts';
import { toName } from '../../../../local/dns/names.ts';

const aliases: Record<string, RecordData> = {
  'in.cluster.local': { type: 'CNAME', target: toName('web.cluster.local') },
  'out.cluster.local': { type: 'CNAME', target: toName('example.com') },
  'loop.cluster.local': { type: 'CNAME', target: toName('loop.cluster.local') },
  'web.cluster.local': { type: 'A', address: '10.96.0.1' },
};
const zone: ClusterZone = {
  answer(name) {
    const data = aliases[name.join('.')];
    if (name.at(-1) !== 'local') return undefined;
    return {
      rcode: data ? 0 : 3,
      authoritative: true,
      answers: data ? [{ name, ttl: 5, data }] : [],
      authority: [],
      additional: [],
    };
  },
};
/** Answers every name with one address, unless it is to be deaf. */
const upstream = (deaf = false) => {
  const asked: string[] = [];
  return {
    asked,
    async ask(message: Buffer): Promise<Buffer | undefined> {
      const query = parseQuery(message);
      if (!query || deaf) return undefined;
      asked.push(query.name.join('.'));
      return encodeReply(
        query,
        {
          rcode: 0,
          authoritative: false,
          answers: [{ name: query.name, ttl: 60, data: { type: 'A', address: '93.184.216.34' } }],
          authority: [],
          additional: [],
        },
        512,
      );
    },
  };
};

function message(name: string, options: { type?: number; flags?: number; version?: number } = {}): Buffer {
  const { type = recordTypes.A, flags = 0x0100, version } = options;
  const head = Buffer.alloc(12);
  [7, flags, 1, 0, 0, version === undefined ? 0 : 1].forEach((value, i) => head.writeUInt16BE(value, i * 2));
  const labels = toName(name).flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([
    head,
    ...labels,
    Buffer.from([0, 0, type, 0, 1]),
    ...(version === undefined ? [] : [Buffer.from([0, 0, 41, 4, 208, 0, version, 0, 0, 0, 0])]),
  ]);
}
const rcode = (answer: Buffer | undefined): number | undefined => answer && answer.readUInt8(3) & 15;
const count = (answer: Buffer | undefined): number | undefined => answer?.readUInt16BE(6);

describe('answering queries', () => {
  it('answers names of the cluster itself', async () => {
    const forwarder = upstream();
    const answer = await createQueryAnswerer(zone, forwarder).answer(message('web.cluster.local'), false);
    expect([rcode(answer), count(answer)]).toEqual([0, 1]);
    expect(forwarder.asked).toEqual([]);
  });

  it('passes other names on and gives the answer as it came', async () => {
    const answer = await createQueryAnswerer(zone, upstream()).answer(message('example.com'), false);
    expect([...(answer ?? Buffer.alloc(0)).subarray(-4)]).toEqual([93, 184, 216, 34]);
  });

  it('follows aliases inside and outside of the cluster', async () => {
    const forwarder = upstream();
    const answerer = createQueryAnswerer(zone, forwarder);
    const inside = await answerer.answer(message('in.cluster.local'), false);
    expect(count(inside)).toBe(2);
    expect([...(inside ?? Buffer.alloc(0)).subarray(-4)]).toEqual([10, 96, 0, 1]);
    const outside = await answerer.answer(message('out.cluster.local'), false);
    expect(count(outside)).toBe(2);
    expect(forwarder.asked).toEqual(['example.com']);
    expect(count(await answerer.answer(message('out.cluster.local', { type: recordTypes.CNAME }), false))).toBe(1);
    expect(count(await answerer.answer(message('loop.cluster.local'), false))).toBeLessThan(20);
  });

  it.each([
    ['a resolver that does not answer', message('example.com'), 2],
    ['an unknown operation', message('web.cluster.local', { flags: 0x2800 }), 4],
    ['a later version of EDNS', message('web.cluster.local', { version: 1 }), 0],
    ['nonsense', Buffer.concat([Buffer.alloc(11), Buffer.from([1])]), 1],
  ])('says what is wrong with %s', async (_what, query, expected) => {
    const answer = await createQueryAnswerer(zone, upstream(true)).answer(query, false);
    expect(rcode(answer)).toBe(expected);
    expect(count(answer)).toBe(0);
  });
});
