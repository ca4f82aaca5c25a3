import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

export interface Relay {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Takes connections on one address and makes them to another: what listens on the loopback interface only is reached so from
 * containers, by the address of Docker's bridge.
 */
export function startRelay(
  from: { readonly host: string; readonly port?: number },
  to: { readonly host: string; readonly port: number },
): Promise<Relay> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      keep(one).on('error', () => other.destroy());
      one.pipe(other);
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(from.port ?? 0, from.host, () => {
      resolve({
        host: from.host,
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}
