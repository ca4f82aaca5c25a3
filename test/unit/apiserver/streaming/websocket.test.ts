import { createWebSocket, webSocketAccept } from '@nodeless/apiserver/streaming/websocket';
import { createWebSocketStreams } from '@nodeless/apiserver/streaming/websocket-streams';
import { duplexPair, type Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';

/** A frame as a client sends it: masked. */
function clientFrame(opcode: number, data: Uint8Array | string, fin = true): Buffer {
  const bytes = Buffer.from(data);
  const mask = Buffer.from([1, 2, 3, 4]);
  const head =
    bytes.length < 126
      ? Buffer.from([(fin ? 0x80 : 0) | opcode, 0x80 | bytes.length])
      : Buffer.from([(fin ? 0x80 : 0) | opcode, 0x80 | 126, bytes.length >> 8, bytes.length & 0xff]);
  return Buffer.concat([head, mask, bytes.map((b, i) => b ^ (mask[i & 3] as number))]);
}

function open(): {
  client: Duplex;
  connection: ReturnType<typeof createWebSocket>;
  messages: [string, boolean][];
  sent: () => Promise<Buffer>;
} {
  const [client, server] = duplexPair();
  const connection = createWebSocket(server, new Uint8Array());
  const messages: [string, boolean][] = [];
  connection.onMessage((data, isText) => messages.push([data.toString(), isText]));
  const chunks: Buffer[] = [];
  client.on('data', (chunk: Buffer) => chunks.push(chunk));
  const sent = async (): Promise<Buffer> => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    return Buffer.concat(chunks);
  };
  return { client, connection, messages, sent };
}

describe('WebSocket', () => {
  it('accepts the example of the RFC', () => {
    expect(webSocketAccept('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });

  it('reads masked frames, fragments and what comes with the head', async () => {
    const [client, server] = duplexPair();
    const messages: string[] = [];
    const connection = createWebSocket(server, clientFrame(2, 'head'));
    connection.onMessage((data) => messages.push(data.toString()));
    const bytes = Buffer.concat([
      clientFrame(1, 'one'),
      clientFrame(2, 'fr', false),
      clientFrame(9, 'ping'),
      clientFrame(0, 'ag', false),
      clientFrame(0, 'ment'),
      clientFrame(2, 'x'.repeat(300)),
    ]);
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < bytes.length; i += 5) client.write(bytes.subarray(i, i + 5));
    while (messages.length < 4) await new Promise((resolve) => setImmediate(resolve));
    expect(messages).toEqual(['head', 'one', 'fragment', 'x'.repeat(300)]);
  });

  it('puts a large message together once, however many pieces it comes in', async () => {
    const { client, messages } = open();
    const length = 8 * 1024 * 1024;
    const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    head.writeUInt32BE(length, 6);
    const started = performance.now();
    client.write(head);
    for (let sent = 0; sent < length; sent += 1024) client.write(Buffer.alloc(1024));
    while (messages.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(messages[0]?.[0].length).toBe(length);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it('writes unmasked frames of all lengths', async () => {
    const { connection, sent } = open();
    connection.send('hi');
    connection.send(Buffer.alloc(200, 'a'));
    connection.send(Buffer.alloc(70_000, 'b'));
    const bytes = await sent();
    expect(bytes.subarray(0, 4).toString('hex')).toBe('81026869');
    expect(bytes.subarray(4, 8).toString('hex')).toBe('827e00c8');
    expect(bytes.subarray(208, 218).toString('hex')).toBe('827f0000000000011170');
    expect(bytes.length).toBe(4 + 204 + 70_010);
  });

  it('answers pings and close frames', async () => {
    const { client, connection, sent } = open();
    const closed = new Promise<void>((resolve) => connection.onClose(resolve));
    client.write(clientFrame(9, 'x'));
    client.write(clientFrame(8, Buffer.from([3, 232])));
    expect((await sent()).toString('hex')).toBe('8a0178' + '880203e8');
    client.end();
    await closed;
  });

  it.each([
    ['unmasked frames', Buffer.from([0x81, 0x02, 0x68, 0x69])],
    ['reserved bits', Buffer.from([0xc1, 0x80, 0, 0, 0, 0])],
    ['frames of terabytes', Buffer.from([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
  ])('closes on %s', async (_, bytes) => {
    const { client, sent, messages } = open();
    client.write(bytes);
    expect((await sent()).toString('hex')).toMatch(/^88.{2}03ea/);
    expect(messages).toEqual([]);
  });
});

describe('channels of exec', () => {
  const options = { stdin: true, stdout: true, stderr: true, tty: false };
  const frames = (bytes: Buffer): string[] => {
    const found: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = bytes[at + 1] as number;
      found.push(
        `${((bytes[at] as number) & 15) === 1 ? 'text' : 'binary'} ${JSON.stringify(bytes.toString('latin1', at + 2, at + 2 + length))}`,
      );
      at += 2 + length;
    }
    return found;
  };

  it('v5 has stdin that ends, output, sizes and a status', async () => {
    const { client, connection, sent } = open();
    const streams = createWebSocketStreams(connection, 'v5.channel.k8s.io', options);
    const sizes: unknown[] = [];
    streams.onResize((size) => sizes.push(size));
    client.write(clientFrame(2, '\u0000in'));
    client.write(clientFrame(2, '\u0004{"Width":80,"Height":24}'));
    client.write(clientFrame(2, Buffer.from([255, 0])));
    expect(await text(streams.stdin as NodeJS.ReadableStream as never)).toBe('in');
    streams.stdout?.write('out');
    streams.stderr?.write('err');
    streams.finish({ metadata: {}, status: 'Success' } as never);
    expect(sizes).toEqual([{ width: 80, height: 24 }]);
    expect(frames((await sent()).subarray(0, -4))).toEqual([
      'binary "\\u0001"',
      'binary "\\u0001out"',
      'binary "\\u0002err"',
      'binary "\\u0003{\\"metadata\\":{},\\"status\\":\\"Success\\"}"',
    ]);
  });

  it('base64 has digits and text', async () => {
    const { client, connection, sent } = open();
    const streams = createWebSocketStreams(connection, 'base64.channel.k8s.io', options);
    client.write(clientFrame(1, `0${Buffer.from('in').toString('base64')}`));
    await sent();
    expect(streams.stdin?.read()?.toString()).toBe('in');
    streams.stdout?.write('out');
    streams.finish({ metadata: {}, status: 'Failure', message: 'exit 1' } as never);
    expect(frames((await sent()).subarray(0, -4))).toEqual([
      'text "1"',
      `text "1${Buffer.from('out').toString('base64')}"`,
      `text "3${Buffer.from('exit 1').toString('base64')}"`,
    ]);
  });

  it('the first protocol says nothing of success', async () => {
    const { connection, sent } = open();
    const streams = createWebSocketStreams(connection, 'channel.k8s.io', { ...options, stdout: false, stderr: false });
    streams.finish({ metadata: {}, status: 'Success' } as never);
    expect(frames((await sent()).subarray(0, -4))).toEqual(['binary "\\u0003"']);
  });
});
