import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Target } from './service-endpoints.ts';
import type { TargetChoice } from './target-choice.ts';

export interface RelayDeps {
  readonly targets: () => Promise<readonly Target[]>;
  /** After one did not answer. */
  readonly renewed: () => Promise<readonly Target[]>;
  readonly choice: TargetChoice;
}

export interface Relay {
  /** Takes no more; what is open goes on until it ends. */
  close(): void;
}

const connectMs = 3_000;
const mostTries = 3;

/** Takes connections on an address and passes them on to targets. Rejects with Node's error when the address cannot be had. */
export function createTcpRelay(host: string, port: number, deps: RelayDeps): Promise<Relay> {
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
    client.on('error', () => client.destroy());
    void reach(deps).then((upstream) => {
      if (!upstream || client.destroyed) {
        upstream?.destroy();
        // As a port where nobody listens: the client should not wait for an answer.
        client.resetAndDestroy();
        return;
      }
      join(client, upstream);
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 511, exclusive: true }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve({ close: () => server.close() });
    });
  });
}

/** Tries some of the targets, one after another, and asks again where they are after the first that does not answer. */
async function reach({ targets, renewed, choice }: RelayDeps): Promise<Socket | undefined> {
  const tried = new Set<Target>();
  let list = await targets();
  for (let attempt = 0; attempt < mostTries; attempt++) {
    const target = choice.choose(list, tried);
    if (!target) return undefined;
    const socket = await dial(target);
    if (socket) {
      choice.used(target);
      return socket;
    }
    tried.add(target);
    if (attempt === 0) {
      list = await renewed();
      const failed = list.find((one) => one.address === target.address && one.port === target.port);
      if (failed) tried.add(failed);
    }
  }
  return undefined;
}

function dial({ address, port }: Target): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    const give = (result: Socket | undefined): void => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      socket.on('error', () => socket.destroy());
      if (!result) socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => give(undefined), connectMs);
    socket.once('connect', () => give(socket));
    socket.once('error', () => give(undefined));
  });
}

/** Each end's finish is passed on by itself; one that breaks off takes the other with it. */
function join(client: Socket, upstream: Socket): void {
  client.pipe(upstream);
  upstream.pipe(client);
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on('error', () => other.resetAndDestroy());
    one.on('close', () => {
      if (!other.destroyed && !other.writableEnded) other.destroy();
    });
  }
  client.resume();
}
