import type { Duplex } from 'node:stream';
import { Duplex as DuplexStream } from 'node:stream';
import { ProviderError } from '../provider.ts';
import { callEngine, type Engine } from './engine.ts';
import { createFrameReader } from './frames.ts';
import { toolPath } from './helper-tool.ts';

/**
 * A TCP connection made from inside a container of ours (a sandbox for a pod's localhost, a helper for any address of the
 * cluster): the tool there joins it to the streams of an exec. Fails with the tool's own words when nothing listens.
 */
export function dialThrough(engine: Engine, containerId: string, host: string, port: number): Promise<Duplex> {
  return openCommand(engine, containerId, [toolPath, 'relay', host, String(port)]);
}

/** Starts a program in a running container, with its standard input and output as one stream. What it says on stderr is the stream's error. */
export async function openCommand(engine: Engine, containerId: string, command: readonly string[]): Promise<Duplex> {
  const stream = await callEngine(async () => {
    const exec = await engine
      .getContainer(containerId)
      .exec({ Cmd: [...command], AttachStdin: true, AttachStdout: true, AttachStderr: true });
    return exec.start({ hijack: true, stdin: true });
  });
  let errors = '';
  const read = createFrameReader((name, data) => {
    if (name === 'stdout') {
      if (!duplex.push(data)) stream.pause();
    } else {
      errors += data.toString('utf8');
    }
  });
  const duplex: Duplex = new DuplexStream({
    read: () => void stream.resume(),
    write: (chunk: Buffer, _encoding, done) => void stream.write(chunk, done),
    final: (done) => void stream.end(done),
    destroy(error, done) {
      stream.destroy();
      done(error);
    },
  });
  stream.on('data', read);
  stream.on('end', () => {
    if (errors !== '') duplex.destroy(new ProviderError('not-found', errors.trim()));
    else duplex.push(null);
  });
  stream.on('error', (error) => duplex.destroy(error));
  return duplex;
}
