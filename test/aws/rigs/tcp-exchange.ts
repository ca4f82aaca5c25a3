import { connect } from 'node:net';

/** Connects, says something and reads until the far side ends. Rejects where the connection is refused, reset or silent. */
export function exchange(port: number, message = '', host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let read = '';
    socket.setTimeout(3000, () => socket.destroy(new Error('closed: no answer')));
    socket.on('data', (chunk: Buffer) => (read += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => (read === '' ? reject(new Error('closed without an answer')) : resolve(read)));
    if (message !== '') socket.write(message);
  });
}
