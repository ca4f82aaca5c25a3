import { describe, expect, it } from 'vitest';
import {
  encodeReply,
  failure,
  type Name,
  parseQuery,
  type Query,
  readName,
  recordTypes,
  type Reply,
  type ResourceRecord,
} from '../../../../local/dns/message.ts';

const header = (counts: readonly number[], flags = 0x0100): Buffer => {
  const buffer = Buffer.alloc(12);
  [0xabcd, flags, ...counts].forEach((value, i) => buffer.writeUInt16BE(value, i * 2));
  return buffer;
};
const wire = (name: string): Buffer =>
  Buffer.concat([
    ...name
      .split('.')
      .filter(Boolean)
      .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ]);
const question = (name: string, type: number): Buffer => Buffer.concat([wire(name), Buffer.from([0, type, 0, 1])]);
const opt = (size: number, version = 0): Buffer =>
  Buffer.from([0, 0, 41, size >> 8, size & 255, 0, version, 0, 0, 0, 0]);

const query = (edns?: Query['edns']): Query => ({
  id: 0xabcd,
  opcode: 0,
  recursionDesired: true,
  name: ['Web', 'default', 'svc', 'cluster', 'local'],
  type: recordTypes.A,
  class: 1,
  edns,
});
const reply = (answers: readonly ResourceRecord[], more: Partial<Reply> = {}): Reply => ({
  rcode: 0,
  authoritative: true,
  answers,
  authority: [],
  additional: [],
  ...more,
});
const name: Name = ['web', 'default', 'svc', 'cluster', 'local'];

describe('parseQuery', () => {
  it('reads question and EDNS', () => {
    const message = Buffer.concat([header([1, 0, 0, 1]), question('Web.default', 28), opt(4096)]);
    expect(parseQuery(message)).toEqual({
      id: 0xabcd,
      opcode: 0,
      recursionDesired: true,
      name: ['Web', 'default'],
      type: 28,
      class: 1,
      edns: { udpSize: 4096, version: 0 },
    });
  });

  it.each([
    ['too short', Buffer.alloc(5)],
    ['an answer', Buffer.concat([header([1, 0, 0, 0], 0x8180), question('a', 1)])],
    ['no question', header([0, 0, 0, 0])],
    ['two questions', Buffer.concat([header([2, 0, 0, 0]), question('a', 1), question('b', 1)])],
    ['a question that is cut', Buffer.concat([header([1, 0, 0, 0]), Buffer.from([5, 97])])],
    ['a name that points at itself', Buffer.concat([header([1, 0, 0, 0]), Buffer.from([0xc0, 12, 0, 1, 0, 1])])],
    ['a reserved label type', Buffer.concat([header([1, 0, 0, 0]), Buffer.from([0x80, 1, 0, 0, 1, 0, 1])])],
    [
      'a name beyond 255 bytes',
      Buffer.concat([header([1, 0, 0, 0]), question(Array.from({ length: 5 }, () => 'x'.repeat(60)).join('.'), 1)]),
    ],
  ])('refuses %s', (_what, message) => {
    expect(parseQuery(message)).toBeUndefined();
  });
});

describe('encodeReply', () => {
  it('compresses names and counts its records', () => {
    const message = encodeReply(
      query(),
      reply([
        { name, ttl: 5, data: { type: 'A', address: '10.0.0.1' } },
        { name, ttl: 5, data: { type: 'A', address: '10.0.0.2' } },
      ]),
      512,
    );
    // Header, question with the name as it was asked, and two records that refer to it.
    expect(message.length).toBe(12 + wire(name.join('.')).length + 4 + 2 * (2 + 10 + 4));
    expect(message.readUInt16BE(2)).toBe(0x8580);
    expect(message.readUInt16BE(6)).toBe(2);
    expect(message.toString('latin1', 13, 16)).toBe('Web');
    expect([...message.subarray(-4)]).toEqual([10, 0, 0, 2]);
    const first = readName(message, 12 + wire(name.join('.')).length + 4);
    expect(first.name.join('.').toLowerCase()).toBe(name.join('.'));
  });

  it('does not compress the target of SRV', () => {
    const message = encodeReply(
      query(),
      reply([{ name, ttl: 5, data: { type: 'SRV', priority: 0, weight: 100, port: 80, target: name } }]),
      512,
    );
    expect(message.subarray(-wire(name.join('.')).length).equals(wire(name.join('.')))).toBe(true);
  });

  it('writes IPv6 addresses', () => {
    const message = encodeReply(query(), reply([{ name, ttl: 5, data: { type: 'AAAA', address: 'fd00::1:2' } }]), 512);
    expect(message.subarray(-16).toString('hex')).toBe('fd000000000000000000000000010002');
  });

  it('cuts at whole records and says so', () => {
    const many = Array.from({ length: 100 }, (_, i): ResourceRecord => ({
      name,
      ttl: 5,
      data: { type: 'A', address: `10.0.0.${i}` },
    }));
    const message = encodeReply(query({ udpSize: 1232, version: 0 }), reply(many), 512);
    expect(message.length).toBeLessThanOrEqual(512);
    expect(message.readUInt16BE(2) & 0x0200).toBe(0x0200);
    const count = message.readUInt16BE(6);
    expect(count).toBe(Math.floor((512 - 11 - 12 - wire(name.join('.')).length - 4) / 16));
    expect(message.readUInt16BE(10)).toBe(1);
    const whole = encodeReply(query(), reply(many), 65_535);
    expect(whole.readUInt16BE(6)).toBe(100);
    expect(whole.readUInt16BE(2) & 0x0200).toBe(0);
  });

  it('leaves additional records out without calling the answer cut', () => {
    const many = Array.from({ length: 100 }, (_, i): ResourceRecord => ({
      name: [`h${i}`, ...name],
      ttl: 5,
      data: { type: 'A', address: `10.0.0.${i}` },
    }));
    const message = encodeReply(
      query(),
      reply([{ name, ttl: 5, data: { type: 'A', address: '10.0.0.1' } }], { additional: many }),
      512,
    );
    expect(message.readUInt16BE(2) & 0x0200).toBe(0);
    expect(message.readUInt16BE(10)).toBeGreaterThan(5);
    expect(message.readUInt16BE(10)).toBeLessThan(100);
  });

  it('puts the high bits of a code into OPT', () => {
    const message = encodeReply(query({ udpSize: 512, version: 1 }), reply([], { rcode: 16 }), 512);
    expect(message.readUInt8(3) & 15).toBe(0);
    expect(message.readUInt8(message.length - 6)).toBe(1);
  });
});

describe('failure', () => {
  it('answers with the id, and not to answers', () => {
    expect(failure(header([0, 0, 0, 0]), 1)?.toString('hex')).toBe(`abcd8101${'00'.repeat(8)}`);
    expect(failure(header([0, 0, 0, 0], 0x8000), 1)).toBeUndefined();
    expect(failure(Buffer.alloc(3), 1)).toBeUndefined();
  });
});
