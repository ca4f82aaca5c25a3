import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIP } from 'node:net';
import { type Clock, sleep } from '@nodeless/component-base/clock';

export interface Forwarder {
  /** The first answer that a resolver gives, with the query's own id; undefined when none does in time. */
  ask(query: Buffer, overTcp: boolean): Promise<Buffer | undefined>;
}

export interface Resolver {
  readonly address: string;
  readonly port: number;
}

const attemptMs = 2_000;
const rounds = 2;

/** Asks the machine's resolvers one after the other, as the machine's own programs do. */
export function createForwarder(options: {
  readonly resolvers: () => readonly Resolver[];
  readonly clock: Clock;
}): Forwarder {
  const { resolvers, clock } = options;
  return {
    async ask(query, overTcp) {
      for (let round = 0; round < rounds; round++) {
        for (const resolver of resolvers()) {
          const answer = await attempt(query, resolver, overTcp, clock);
          if (answer) return answer;
        }
      }
      return undefined;
    },
  };
}

async function attempt(query: Buffer, resolver: Resolver, overTcp: boolean, clock: Clock): Promise<Buffer | undefined> {
  const ended = new AbortController();
  const sent = Buffer.from(query);
  // An id of its own, and a port of its own, make answers hard to forge.
  sent.writeUInt16BE(randomInt(0x10000), 0);
  try {
    const exchange = overTcp ? exchangeTcp : exchangeUdp;
    const answer = await Promise.race([
      exchange(sent, resolver, ended.signal),
      sleep(clock, attemptMs, ended.signal).then(() => undefined),
    ]);
    if (!answer) return undefined;
    const result = Buffer.from(answer);
    result.writeUInt16BE(query.readUInt16BE(0), 0);
    return result;
  } catch {
    return undefined;
  } finally {
    ended.abort();
  }
}

const answers = (answer: Buffer, query: Buffer): boolean =>
  answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0) && (answer.readUInt8(2) & 0x80) !== 0;

function exchangeUdp(query: Buffer, { address, port }: Resolver, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
    signal.addEventListener('abort', () => socket.close(), { once: true });
    socket.on('error', reject);
    // Connected: datagrams from anybody else do not arrive, and a closed port is told at once.
    socket.connect(port, address, () => socket.send(query));
    socket.on('message', (message) => {
      if (answers(message, query)) resolve(message);
    });
  });
}

function exchangeTcp(query: Buffer, { address, port }: Resolver, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.write(Buffer.concat([length, query]));
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const message = received.subarray(2, 2 + received.readUInt16BE(0));
      if (answers(message, query)) resolve(message);
      else reject(new Error('not an answer to the query'));
    });
    socket.on('error', reject);
    socket.on('end', () => reject(new Error('closed')));
  });
}
