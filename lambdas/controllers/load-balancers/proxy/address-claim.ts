import { createServer } from 'node:net';

export interface AddressClaim {
  release(): Promise<void>;
}

/**
 * Makes an address ours among all processes of this machine that ask in the same way; undefined when another has it. Sockets
 * cannot tell: two processes may listen on different ports of one address. An abstract socket holds the name on Linux, and
 * is gone with the process that held it; elsewhere there is one address only, and nothing to claim.
 */
export async function claimAddress(
  address: string,
  platform: NodeJS.Platform = process.platform,
): Promise<AddressClaim | undefined> {
  if (platform !== 'linux') return { release: () => Promise.resolve() };
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0nodeless-load-balancer-${address}`, () => {
      resolve({
        release: () =>
          new Promise<void>((done) => {
            server.close(() => done());
          }),
      });
    });
  });
}
