import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { startRelay } from '@nodeless/localstack-utils/relay';
import { describe, expect, it } from 'vitest';

describe('a relay', () => {
  it('carries both ways, and one end after the other', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      void text(socket).then((all) => socket.end(`heard ${all}`));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const relay = await startRelay({ host: '127.0.0.1' }, { host: '127.0.0.1', port });
    const socket = connect({ host: relay.host, port: relay.port, allowHalfOpen: true });
    socket.end('hello');
    expect(await text(socket)).toBe('heard hello');
    await relay.close();
    server.close();
  });

  it('ends what goes through it when it closes, and connections to nobody', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const relay = await startRelay({ host: '127.0.0.1' }, { host: '127.0.0.1', port });
    const held = connect({ host: relay.host, port: relay.port });
    held.on('error', () => {});
    await once(server, 'connection');
    await relay.close();
    await once(held, 'close');
    server.close();
    const nobody = await startRelay({ host: '127.0.0.1' }, { host: '127.0.0.1', port });
    const refused = connect({ host: nobody.host, port: nobody.port });
    refused.on('error', () => {});
    await once(refused, 'close');
    await nobody.close();
  });
});
