import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Target } from '../service-endpoints.ts';
import type { Backend, TargetChoice } from './target-choice.ts';
import { plainAddress, type PortListener } from './tcp-listener.ts';

export interface UdpListenerDeps {
  readonly choice: TargetChoice;
  readonly backend: () => Backend;
  readonly clock: Clock;
}

interface Session {
  readonly socket: Socket;
  readonly target: Target;
  timer: Timer;
}

const idleMs = 60_000;
const maxSessions = 4_096;

/** Datagrams of one client go to one target from a socket of their own, until there is silence or the target has gone. */
export function listenUdp(address: string, port: number, deps: UdpListenerDeps): Promise<PortListener> {
  const { choice, backend, clock } = deps;
  const server = createSocket('udp4');
  const sessions = new Map<string, Session>();

  const end = (key: string): void => {
    const session = sessions.get(key);
    if (!session) return;
    sessions.delete(key);
    session.timer.cancel();
    session.socket.close();
  };

  const start = (key: string, client: RemoteInfo, current: Backend): Session | undefined => {
    const [target] = choice.order(client.address, current);
    if (!target) return undefined;
    if (sessions.size >= maxSessions) end(sessions.keys().next().value as string);
    const socket = createSocket('udp4');
    socket.on('message', (answer) => server.send(answer, client.port, client.address));
    socket.on('error', () => end(key));
    const session: Session = { socket, target, timer: clock.setTimer(() => end(key), idleMs) };
    sessions.set(key, session);
    choice.chose(client.address, target);
    return session;
  };

  server.on('message', (message, client) => {
    const current = backend();
    if (!current.admits(plainAddress(client.address))) return;
    const key = `${client.address}:${client.port}`;
    const known = sessions.get(key);
    if (known && !current.targets.some((t) => t.address === known.target.address && t.port === known.target.port))
      end(key);
    const session = sessions.get(key) ?? start(key, client, current);
    if (!session) return;
    session.timer.cancel();
    session.timer = clock.setTimer(() => end(key), idleMs);
    session.socket.send(message, session.target.port, session.target.address);
  });

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.bind({ address, port, exclusive: true }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve({
        port: server.address().port,
        close: () =>
          new Promise((done) => {
            for (const key of sessions.keys()) end(key);
            server.close(() => done());
          }),
      });
    });
  });
}
