/** DNS messages on the wire (RFC 1035, 2782, 3596, 6891), as far as a server for a cluster's names needs them. */

/** Labels from left to right, without the root; bytes as latin1, case as on the wire. */
export type Name = readonly string[];

export const recordTypes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  ANY: 255,
} as const;
export const rcodes = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;
export const internetClass = 1;

export type RecordData =
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME' | 'PTR' | 'NS'; readonly target: Name }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: Name;
    }
  | { readonly type: 'TXT'; readonly text: string }
  | {
      readonly type: 'SOA';
      readonly primary: Name;
      readonly mailbox: Name;
      readonly serial: number;
      readonly minimum: number;
    };

export interface ResourceRecord {
  readonly name: Name;
  /** Seconds. */
  readonly ttl: number;
  readonly data: RecordData;
}

export interface Query {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly name: Name;
  readonly type: number;
  readonly class: number;
  /** Of the client's OPT record; undefined = it sent none. */
  readonly edns: { readonly udpSize: number; readonly version: number } | undefined;
}

export interface Reply {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
}

/** What this server offers to take over UDP: fits any path without fragments (DNS flag day 2020). */
export const ownUdpSize = 1232;
const maxPointers = 64;
const maxNameBytes = 255;

/** undefined for what is no query with exactly one question; a header alone may still be answered with `failure`. */
export function parseQuery(message: Buffer): Query | undefined {
  try {
    if (message.length < 12) return undefined;
    const flags = message.readUInt16BE(2);
    if (flags & 0x8000 || message.readUInt16BE(4) !== 1) return undefined;
    const { name, next } = readName(message, 12);
    const type = message.readUInt16BE(next);
    return {
      id: message.readUInt16BE(0),
      opcode: (flags >> 11) & 15,
      recursionDesired: (flags & 0x0100) !== 0,
      name,
      type,
      class: message.readUInt16BE(next + 2),
      edns: readOpt(message, next + 4),
    };
  } catch {
    return undefined;
  }
}

function readOpt(message: Buffer, start: number): Query['edns'] {
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10);
  let at = start;
  for (let i = 0; i < records; i++) {
    const { next } = readName(message, at);
    if (message.readUInt16BE(next) === recordTypes.OPT)
      return { udpSize: message.readUInt16BE(next + 2), version: message.readUInt8(next + 5) };
    at = next + 10 + message.readUInt16BE(next + 8);
  }
  return undefined;
}

/** Throws RangeError for names that run out of the message, in circles or beyond 255 bytes. */
export function readName(message: Buffer, start: number): { name: Name; next: number } {
  const name: string[] = [];
  let at = start;
  let next = -1;
  let bytes = 1;
  for (let pointers = 0; ;) {
    const length = message.readUInt8(at);
    if (length === 0) return { name, next: next < 0 ? at + 1 : next };
    if (length >= 0xc0) {
      if (++pointers > maxPointers) throw new RangeError('compression loop');
      if (next < 0) next = at + 2;
      at = message.readUInt16BE(at) & 0x3fff;
      continue;
    }
    if (length > 63 || at + 1 + length > message.length) throw new RangeError('bad label');
    bytes += length + 1;
    if (bytes > maxNameBytes) throw new RangeError('name too long');
    name.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
}

/** Encodes within `limit` bytes; what does not fit is left out, whole records at a time, and TC says so. */
export function encodeReply(query: Query, reply: Reply, limit: number): Buffer {
  const writer = createWriter();
  const optSize = query.edns ? 11 : 0;
  writer.zeros(12);
  writer.name(query.name, true);
  writer.uint16(query.type);
  writer.uint16(query.class);
  const counts = [0, 0, 0];
  let truncated = false;
  for (const [section, records] of [reply.answers, reply.authority, reply.additional].entries()) {
    for (const record of records) {
      if (truncated) break;
      const before = writer.mark();
      writeRecord(writer, record);
      if (writer.length() + optSize > limit) {
        writer.reset(before);
        // Additional records are a courtesy: without them the answer is still whole.
        if (section < 2) truncated = true;
        break;
      }
      (counts[section] as number)++;
    }
  }
  if (query.edns) {
    writer.uint8(0);
    writer.uint16(recordTypes.OPT);
    writer.uint16(ownUdpSize);
    writer.uint8(reply.rcode >> 4);
    writer.zeros(5);
    (counts[2] as number)++;
  }
  const message = writer.finish();
  const flags =
    0x8000 |
    (query.opcode << 11) |
    (reply.authoritative ? 0x0400 : 0) |
    (truncated ? 0x0200 : 0) |
    (query.recursionDesired ? 0x0100 : 0) |
    0x0080 |
    (reply.rcode & 15);
  [query.id, flags, 1, ...counts].forEach((value, i) => message.writeUInt16BE(value, i * 2));
  return message;
}

/** An answer to something that is no proper query: its header with an error. undefined when not even that can be read. */
export function failure(message: Buffer, rcode: number): Buffer | undefined {
  if (message.length < 12 || message.readUInt16BE(2) & 0x8000) return undefined;
  const answer = Buffer.alloc(12);
  answer.writeUInt16BE(message.readUInt16BE(0), 0);
  answer.writeUInt16BE(0x8000 | (message.readUInt16BE(2) & 0x7900) | rcode, 2);
  return answer;
}

function writeRecord(writer: Writer, { name, ttl, data }: ResourceRecord): void {
  writer.name(name, true);
  writer.uint16(recordTypes[data.type]);
  writer.uint16(internetClass);
  writer.uint32(ttl);
  const length = writer.mark();
  writer.uint16(0);
  switch (data.type) {
    case 'A':
      for (const octet of data.address.split('.')) writer.uint8(Number(octet));
      break;
    case 'AAAA':
      for (const group of ipv6Groups(data.address)) writer.uint16(group);
      break;
    case 'CNAME':
    case 'PTR':
    case 'NS':
      writer.name(data.target, true);
      break;
    case 'SRV':
      for (const value of [data.priority, data.weight, data.port]) writer.uint16(value);
      // RFC 2782: the target is not compressed.
      writer.name(data.target, false);
      break;
    case 'TXT':
      writer.uint8(Buffer.byteLength(data.text));
      writer.bytes(Buffer.from(data.text));
      break;
    case 'SOA':
      writer.name(data.primary, true);
      writer.name(data.mailbox, true);
      for (const value of [data.serial, 7200, 1800, 86_400, data.minimum]) writer.uint32(value);
      break;
  }
  writer.patch16(length, writer.length() - length - 2);
}

function ipv6Groups(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail ?? '')];
  return tail === undefined
    ? left
    : [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
}

interface Writer {
  uint8(value: number): void;
  uint16(value: number): void;
  uint32(value: number): void;
  bytes(value: Buffer): void;
  zeros(count: number): void;
  /** Compressed: a suffix that stands in the message already is referred to. */
  name(name: Name, compress: boolean): void;
  patch16(at: number, value: number): void;
  mark(): number;
  /** Forgets what was written after the mark. */
  reset(mark: number): void;
  length(): number;
  finish(): Buffer;
}

function createWriter(): Writer {
  let buffer = Buffer.alloc(1024);
  let length = 0;
  const suffixes = new Map<string, number>();
  const room = (bytes: number): void => {
    if (length + bytes > buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(Math.max(buffer.length, bytes))]);
  };
  const put = (bytes: number, write: (at: number) => void): void => {
    room(bytes);
    write(length);
    length += bytes;
  };
  const writer: Writer = {
    uint8: (value) => put(1, (at) => buffer.writeUInt8(value, at)),
    uint16: (value) => put(2, (at) => buffer.writeUInt16BE(value, at)),
    uint32: (value) => put(4, (at) => buffer.writeUInt32BE(value, at)),
    bytes: (value) => put(value.length, (at) => void value.copy(buffer, at)),
    zeros: (count) => put(count, (at) => void buffer.fill(0, at, at + count)),
    name(name, compress) {
      for (let i = 0; i < name.length; i++) {
        const suffix = name.slice(i).join('\0').toLowerCase();
        const known = compress ? suffixes.get(suffix) : undefined;
        if (known !== undefined) {
          writer.uint16(0xc000 | known);
          return;
        }
        if (length < 0x4000 && !suffixes.has(suffix)) suffixes.set(suffix, length);
        const label = Buffer.from(name[i] as string, 'latin1');
        writer.uint8(label.length);
        writer.bytes(label);
      }
      writer.uint8(0);
    },
    patch16: (at, value) => void buffer.writeUInt16BE(value, at),
    mark: () => length,
    reset(mark) {
      length = mark;
      for (const [suffix, at] of suffixes) if (at >= mark) suffixes.delete(suffix);
    },
    length: () => length,
    finish: () => buffer.subarray(0, length),
  };
  return writer;
}
