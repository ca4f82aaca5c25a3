import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Opens a TCP connection to an address of the cluster: directly, through a node's helper, or in a VPC. Rejects with an
 * Error whose `code` is Node's (ECONNREFUSED, ETIMEDOUT …), and when the signal is aborted.
 */
export type Dialer = (address: string, port: number, signal: AbortSignal) => Promise<Duplex>;

/** For a machine that has a route to the cluster's addresses. */
export const directDialer: Dialer = (address, port, signal) =>
  new Promise((resolve, reject) => {
    const socket = createConnection({ host: address, port });
    const onAbort = (): void => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners('error');
      // Until the caller listens, an early reset must not end the process.
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('error', (error) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    });
  });

/** Go's words for what went wrong with a connection, as they stand in a probe's event. */
export function dialErrorText(error: unknown): string {
  const code = (error as { code?: string }).code;
  if (code === 'ECONNREFUSED') return 'connect: connection refused';
  if (code === 'EHOSTUNREACH') return 'connect: no route to host';
  if (code === 'ENETUNREACH') return 'connect: network is unreachable';
  if (code === 'ECONNRESET') return 'read: connection reset by peer';
  if (code === 'ETIMEDOUT' || code === 'ABORT_ERR' || (error as Error).name === 'TimeoutError') return 'i/o timeout';
  return error instanceof Error ? error.message : String(error);
}
