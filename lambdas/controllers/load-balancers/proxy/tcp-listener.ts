import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ClusterDialer } from '@nodeless/client/cluster-dialer';
import type { Backend, TargetChoice } from './target-choice.ts';

export interface PortListener {
  readonly port: number;
  /** Also breaks off what is under way. */
  close(): Promise<void>;
}

export interface ListenerDeps {
  readonly dialer: ClusterDialer;
  readonly choice: TargetChoice;
  /** As it is at the time of each connection. */
  readonly backend: () => Backend;
}

const dialMs = 5_000;

/** Rejects with Node's error when the address and port cannot be had. */
export function listenTcp(address: string, port: number, deps: ListenerDeps): Promise<PortListener> {
  const open = new Set<Duplex>();
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
    track(open, client);
    void forward(client, deps, open);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, backlog: 1024 }, () => {
      server.off('error', reject);
      // Too many open files and the like: the next connection may work again.
      server.on('error', () => {});
      const bound = server.address();
      resolve({
        port: typeof bound === 'object' && bound ? bound.port : port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            for (const stream of open) stream.destroy();
          }),
      });
    });
  });
}

async function forward(client: Socket, { dialer, choice, backend }: ListenerDeps, open: Set<Duplex>): Promise<void> {
  const from = plainAddress(client.remoteAddress ?? '');
  const current = backend();
  const targets = current.admits(from) ? choice.order(from, current) : [];
  for (const target of targets) {
    let upstream: Duplex;
    try {
      upstream = await dialer.connect(target.address, target.port, AbortSignal.timeout(dialMs));
    } catch {
      // It may have ended a moment ago: another one will do.
      continue;
    }
    if (client.destroyed) {
      upstream.destroy();
      return;
    }
    choice.chose(from, target);
    track(open, upstream);
    join(client, upstream);
    return;
  }
  client.resetAndDestroy();
}

/** Copies both ways; each side's end goes on to the other by itself, an error ends both. */
function join(client: Socket, upstream: Duplex): void {
  client.pipe(upstream);
  upstream.pipe(client);
  upstream.on('error', () => client.resetAndDestroy());
  client.on('error', () => upstream.destroy());
  upstream.on('close', () => client.destroySoon());
  client.on('close', () => upstream.destroy());
}

function track(open: Set<Duplex>, stream: Duplex): void {
  open.add(stream);
  stream.on('error', () => {});
  stream.once('close', () => open.delete(stream));
}

export const plainAddress = (address: string): string => address.replace(/^::ffff:/, '');
