import { createSocket, type Socket } from 'node:dgram';
import type { Relay, RelayDeps } from './tcp-relay.ts';

/** Of a client without packets: what kernels give an answered UDP flow. */
const idleMs = 60_000;
const mostClients = 1_024;
/** What comes while a target is being chosen. */
const mostWaiting = 16;

interface Flow {
  upstream: Socket | undefined;
  readonly waiting: Buffer[];
  timer: NodeJS.Timeout;
}

/** Passes datagrams on: each client (address and port) has a target of its own while packets flow. */
export function createUdpRelay(host: string, port: number, deps: RelayDeps): Promise<Relay> {
  const server = createSocket({ type: 'udp4', reuseAddr: false });
  const flows = new Map<string, Flow>();

  const end = (key: string): void => {
    const flow = flows.get(key);
    flows.delete(key);
    clearTimeout(flow?.timer);
    flow?.upstream?.close();
  };
  const touch = (key: string, flow: Flow): void => {
    clearTimeout(flow.timer);
    flow.timer = setTimeout(() => end(key), idleMs).unref();
  };

  const open = async (key: string, flow: Flow, client: { address: string; port: number }): Promise<void> => {
    const targets = await deps.targets();
    // It was idle for too long, or the relay was closed.
    if (flows.get(key) !== flow) return;
    const target = deps.choice.choose(targets, new Set());
    if (!target) return end(key);
    const upstream = createSocket('udp4');
    flow.upstream = upstream;
    upstream.on('message', (message) => {
      touch(key, flow);
      server.send(message, client.port, client.address, () => {});
    });
    // Nobody listens there: the next packet chooses again.
    upstream.on('error', () => {
      end(key);
      void deps.renewed().catch(() => {});
    });
    upstream.connect(target.port, target.address, () => {
      deps.choice.used(target);
      for (const message of flow.waiting.splice(0)) upstream.send(message, () => {});
    });
  };

  server.on('message', (message, client) => {
    const key = `${client.address}:${client.port}`;
    const known = flows.get(key);
    if (known?.upstream && known.waiting.length === 0) {
      touch(key, known);
      known.upstream.send(message, (error) => {
        if (error) end(key);
      });
      return;
    }
    if (known) {
      if (known.waiting.length < mostWaiting) known.waiting.push(message);
      return;
    }
    if (flows.size >= mostClients) return;
    const flow: Flow = { upstream: undefined, waiting: [message], timer: setTimeout(() => end(key), idleMs).unref() };
    flows.set(key, flow);
    void open(key, flow, client).catch(() => end(key));
  });

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.bind({ address: host, port, exclusive: true }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve({
        close() {
          for (const key of [...flows.keys()]) end(key);
          server.close();
        },
      });
    });
  });
}
