import { Readable, Transform, pipeline } from 'node:stream';
import type { LogOptions } from '../provider.ts';
import { callEngine, type Engine } from './engine.ts';
import { unframe } from './frames.ts';

/** What a container has printed, as one stream. Destroying it stops reading from the engine. */
export async function openContainerLogs(
  engine: Engine,
  containerId: string,
  tty: boolean,
  options: LogOptions,
  now: () => number = Date.now,
): Promise<Readable> {
  const source = await callEngine(() =>
    // The engine gives a whole buffer or a stream by `follow`; asked for a stream it is one either way.
    engine.getContainer(containerId).logs({
      follow: options.follow as true,
      stdout: options.stream !== 'Stderr',
      stderr: options.stream !== 'Stdout',
      timestamps: options.timestamps,
      ...sinceOf(options, now),
      ...(options.tailLines === undefined ? {} : { tail: options.tailLines }),
    }),
  );
  const stages: Transform[] = [];
  if (!tty) stages.push(unframe());
  if (options.limitBytes !== undefined) stages.push(limitTo(options.limitBytes));
  const input = Buffer.isBuffer(source) ? Readable.from([source]) : (source as unknown as Readable);
  const last = stages.at(-1);
  if (!last) return input;
  // A reader that goes away takes the connection to the engine with it.
  pipeline([input, ...stages], () => {});
  for (const event of ['end', 'close']) last.on(event, () => input.destroy());
  return last;
}

/** Seconds with a fraction, as the engine takes them. */
function sinceOf(options: LogOptions, now: () => number): { since?: number } {
  if (options.sinceTime) return { since: options.sinceTime.getTime() / 1000 };
  if (options.sinceSeconds !== undefined) return { since: now() / 1000 - options.sinceSeconds };
  return {};
}

function limitTo(bytes: number): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (left > 0) this.push(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) this.push(null);
      done();
    },
  });
}
