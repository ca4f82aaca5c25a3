import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import type { Logger } from '@nodeless/component-base/logger';
import type { QueryAnswerer } from './answer-query.ts';

export interface DnsServer {
  readonly address: string;
  /** The same for UDP and TCP. */
  readonly port: number;
  close(): Promise<void>;
}

const idleMs = 10_000;
const maxClients = 256;

/** Listens for both protocols on the first of the ports that is free for both; 0 = any. */
export async function listenDns(options: {
  readonly address: string;
  readonly ports: readonly number[];
  readonly answerer: QueryAnswerer;
  readonly log: Logger;
}): Promise<DnsServer> {
  const { address, ports, answerer, log } = options;
  let failure: unknown;
  for (const wanted of ports) {
    try {
      const tcp = await listenTcp(address, wanted, answerer, log);
      try {
        const udp = await listenUdp(address, tcp.port, answerer, log);
        return { address, port: tcp.port, close: async () => void (await Promise.all([tcp.close(), udp.close()])) };
      } catch (error) {
        await tcp.close();
        throw error;
      }
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

function listenUdp(address: string, port: number, answerer: QueryAnswerer, log: Logger): Promise<Listening> {
  const socket = createSocket('udp4');
  socket.on('message', (message, client) => {
    answerer.answer(message, false).then(
      (answer) => answer && socket.send(answer, client.port, client.address, () => {}),
      (error: unknown) => log.warn('a DNS query could not be answered', { error }),
    );
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port }, () => {
      socket.off('error', reject);
      // A client that has gone makes its answer fail; the socket goes on.
      socket.on('error', (error) => log.debug('DNS socket', { error }));
      resolve({ port: socket.address().port, close: () => new Promise((done) => socket.close(() => done())) });
    });
  });
}

function listenTcp(address: string, port: number, answerer: QueryAnswerer, log: Logger): Promise<Listening> {
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    clients.add(socket);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clients.delete(socket));
    serve(socket, answerer, log);
  });
  server.maxConnections = maxClients;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port }, () => {
      server.off('error', reject);
      server.on('error', (error) => log.warn('DNS listener', { error }));
      const bound = server.address();
      resolve({
        port: typeof bound === 'object' && bound ? bound.port : port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            for (const client of clients) client.destroy();
          }),
      });
    });
  });
}

/** Messages come one after the other, each with its length before it; answers may overtake each other. */
function serve(socket: Socket, answerer: QueryAnswerer, log: Logger): void {
  let received = Buffer.alloc(0);
  const answer = async (message: Buffer): Promise<void> => {
    const found = await answerer.answer(message, true);
    if (!found || socket.destroyed) return;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(found.length);
    socket.write(Buffer.concat([length, found]));
  };
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      answer(received.subarray(2, end)).catch((error: unknown) =>
        log.warn('a DNS query could not be answered', { error }),
      );
      received = received.subarray(end);
    }
  });
}
