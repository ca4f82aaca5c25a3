import { createHeaderCodec } from '@nodeless/apiserver/spdy/header-codec';
import {
  createFrameReader,
  dataFrameHead,
  type Frame,
  pingFrame,
  synStreamFrame,
} from '@nodeless/apiserver/spdy/framing';
import { type SpdySession, type SpdyStream, createSpdySession } from '@nodeless/apiserver/spdy/session';
import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';

const nothing = new Uint8Array();

function pair(): { client: SpdySession; server: SpdySession; wire: Duplex } {
  const [a, b] = duplexPair();
  return { client: createSpdySession(a, nothing, { client: true }), server: createSpdySession(b, nothing), wire: a };
}
const nextStream = (session: SpdySession): Promise<SpdyStream> => new Promise((resolve) => session.onStream(resolve));

describe('SPDY header blocks', () => {
  it('share their compression from block to block', async () => {
    const [writer, reader] = [createHeaderCodec(), createHeaderCodec()];
    const blocks: Record<string, string>[] = [
      { streamtype: 'error', port: '8080', requestid: '0' },
      {},
      { streamtype: 'data', port: '8080', requestid: '0', long: 'x'.repeat(5000) },
    ];
    for (const block of blocks) expect({ ...(await reader.decode(await writer.encode(block))) }).toEqual(block);
  });
  it('use the dictionary of SPDY/3', async () => {
    // zlib's head with the checksum of the dictionary, which the specification gives.
    const block = await createHeaderCodec().encode({ streamtype: 'error' });
    expect(block.subarray(0, 6).toString('hex')).toBe('78bbe3c6a7c2');
  });
  it('refuse what is none', async () => {
    await expect(createHeaderCodec().decode(Buffer.from('garbage'))).rejects.toThrow();
  });
});

describe('SPDY frames', () => {
  it('are found however the bytes arrive', () => {
    const bytes = Buffer.concat([dataFrameHead(3, 1, 5), Buffer.from('hello'), pingFrame(7)]);
    for (const size of [1, 2, 7, 100]) {
      const frames: Frame[] = [];
      const read = createFrameReader((frame) => frames.push(frame));
      for (let i = 0; i < bytes.length; i += size) read(bytes.subarray(i, i + size));
      expect(frames).toHaveLength(2);
      expect(frames[0]).toMatchObject({ kind: 'data', streamId: 3, flags: 1, data: Buffer.from('hello') });
      expect(frames[1]).toMatchObject({ kind: 'control', type: 6 });
    }
  });
  it.each([
    ['another version', Buffer.from([0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1])],
    ['a huge frame', Buffer.from([0, 0, 0, 1, 0, 0xff, 0xff, 0xff])],
  ])('refuse %s', (_, bytes) => expect(() => createFrameReader(() => {})(bytes)).toThrow());
});

describe('SPDY sessions', () => {
  it('carry streams both ways, each end closing its own side', async () => {
    const { client, server } = pair();
    const accepted = nextStream(server);
    const out = await client.open({ streamtype: 'data', port: '80' });
    const inside = await accepted;
    expect({ ...inside.headers }).toEqual({ streamtype: 'data', port: '80' });
    out.end('question');
    expect(await text(inside)).toBe('question');
    inside.end('answer');
    expect(await text(out)).toBe('answer');
    expect(client.streamCount).toBe(0);
    expect(server.streamCount).toBe(0);
  });

  it('keeps data behind the frame that opens its stream', async () => {
    const { client, server } = pair();
    const seen: Promise<string>[] = [];
    server.onStream((stream) => seen.push(text(stream)));
    const streams = await Promise.all(Array.from({ length: 20 }, (_, i) => client.open({ n: String(i) })));
    streams.forEach((stream, i) => stream.end(`data ${i}`));
    await new Promise((resolve) => setImmediate(resolve));
    while (seen.length < 20) await new Promise((resolve) => setImmediate(resolve));
    expect(await Promise.all(seen)).toEqual(streams.map((_, i) => `data ${i}`));
  });

  it('carries more than fits in any buffer', async () => {
    const { client, server } = pair();
    const accepted = nextStream(server);
    const out = await client.open({});
    const inside = await accepted;
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const reading = (async () => {
      let size = 0;
      for await (const piece of inside) size += (piece as Buffer).byteLength;
      return size;
    })();
    for (let i = 0; i < 100; i++) if (!out.write(chunk)) await once(out, 'drain');
    out.end();
    expect(await reading).toBe(100 * chunk.byteLength);
  });

  it('answers pings', async () => {
    const [a, b] = duplexPair();
    createSpdySession(b, nothing);
    a.write(pingFrame(1));
    const [reply] = (await once(a, 'data')) as [Buffer];
    expect(reply).toEqual(pingFrame(1));
  });

  it('tells of a reset', async () => {
    const { client, server } = pair();
    const accepted = nextStream(server);
    const out = await client.open({});
    const inside = await accepted;
    const closed = once(out, 'close');
    inside.reset();
    await closed;
    expect(client.streamCount).toBe(0);
  });

  it('ends with its connection', async () => {
    const { client, server, wire } = pair();
    const accepted = nextStream(server);
    await client.open({});
    const inside = await accepted;
    const gone = Promise.all([once(inside, 'close'), new Promise<void>((resolve) => server.onClose(resolve))]);
    wire.destroy();
    await gone;
    expect(server.streamCount).toBe(0);
  });

  it.each([
    ['streams of the wrong side', async () => synStreamFrame(2, await createHeaderCodec().encode({}))],
    ['broken headers', async () => synStreamFrame(1, Buffer.from('nonsense'))],
    ['another protocol', async () => Buffer.from([0x80, 9, 0, 1, 0, 0, 0, 0])],
  ])('breaks off on %s', async (_, make) => {
    const [a, b] = duplexPair();
    const server = createSpdySession(b, nothing);
    const closed = new Promise<void>((resolve) => server.onClose(resolve));
    a.write(await make());
    await closed;
  });
});
