import { Transform, type TransformCallback } from 'node:stream';

export type StreamName = 'stdout' | 'stderr';

/**
 * Splits the engine's multiplexed output (an 8-byte header before each piece: stream, three zeros, length) as it comes,
 * however it is cut. Returns how to feed it.
 */
export function createFrameReader(onData: (stream: StreamName, data: Buffer) => void): (chunk: Buffer) => void {
  const header = Buffer.alloc(8);
  let have = 0;
  let left = 0;
  let stream: StreamName = 'stdout';
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const take = Math.min(8 - have, chunk.length - at);
        chunk.copy(header, have, at, at + take);
        have += take;
        at += take;
        if (have < 8) return;
        have = 0;
        stream = header[0] === 2 ? 'stderr' : 'stdout';
        left = header.readUInt32BE(4);
        continue;
      }
      const take = Math.min(left, chunk.length - at);
      onData(stream, chunk.subarray(at, at + take));
      left -= take;
      at += take;
    }
  };
}

/** The multiplexed output as one plain stream, of the chosen streams only. */
export function unframe(wanted: (stream: StreamName) => boolean = () => true): Transform {
  const read = createFrameReader((stream, data) => {
    if (wanted(stream)) output.push(data);
  });
  const output: Transform = new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      read(chunk);
      done();
    },
  });
  return output;
}
