/** What a UDP listener of a network load balancer does: each client keeps its target while datagrams flow, answers go back to it. */
import { type Socket, createSocket } from 'node:dgram';
import type { Clock } from '@nodeless/component-base/clock';
import type { Target } from './elbv2-state.ts';

export interface UdpListener {
  readonly ready: Promise<void>;
  port(): number;
  close(): void;
}

/** AWS forgets a flow after two minutes without a datagram. */
const idleMs = 120_000;

interface Flow {
  readonly target: Target;
  readonly socket: Socket;
  last: number;
}

export function createUdpListener(options: {
  readonly clock: Clock;
  /** Where a new flow goes; undefined = nowhere. */
  readonly choose: () => Target | undefined;
  /** Whether flows may still go to it: not once its deregistration is over, where that ends connections. */
  readonly alive: (target: Target) => boolean;
  readonly resolve: (target: Target) => { readonly address: string; readonly port: number };
}): UdpListener {
  const { clock, choose, alive, resolve: addressOf } = options;
  const server = createSocket('udp4');
  const flows = new Map<string, Flow>();
  const end = (key: string): void => {
    flows.get(key)?.socket.close();
    flows.delete(key);
  };
  server.on('message', (message, client) => {
    const key = `${client.address}:${client.port}`;
    const known = flows.get(key);
    if (known && (!alive(known.target) || clock.now() - known.last >= idleMs)) end(key);
    let flow = flows.get(key);
    if (!flow) {
      const target = choose();
      if (!target) return;
      const socket = createSocket('udp4');
      socket.on('error', () => {});
      socket.on('message', (answer) => server.send(answer, client.port, client.address));
      flow = { target, socket, last: 0 };
      flows.set(key, flow);
    }
    flow.last = clock.now();
    const { address, port } = addressOf(flow.target);
    flow.socket.send(message, port, address);
  });
  const ready = new Promise<void>((done) => {
    server.bind(0, '127.0.0.1', done);
  });
  return {
    ready,
    port: () => server.address().port,
    close() {
      for (const key of flows.keys()) end(key);
      server.close();
    },
  };
}
