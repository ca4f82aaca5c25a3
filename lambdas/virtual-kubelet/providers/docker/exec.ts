import type { Duplex } from 'node:stream';
import type { ExecOutcome } from '../../runtime/container-runtime.ts';
import type { ExecIo } from '../provider.ts';
import { callEngine, type Engine, engineError } from './engine.ts';
import { createFrameReader } from './frames.ts';

const longestOutput = 10 * 1024;

export interface CommandOptions {
  /** Written to the command's standard input, which is then closed. */
  readonly stdin?: string | Buffer;
  /** 0 or absent = as long as it takes. */
  readonly timeoutMs?: number;
  readonly user?: string;
  readonly workingDir?: string;
  readonly maxOutput?: number;
  /** Called with the command's process id on the engine when it has run out of time. */
  readonly onTimeout?: (pid: number) => void;
}

/** Runs a command in a running container and collects what it prints. */
export async function runCommand(
  engine: Engine,
  containerId: string,
  command: readonly string[],
  options: CommandOptions = {},
): Promise<ExecOutcome> {
  const { stdin, timeoutMs = 0, maxOutput = longestOutput } = options;
  return callEngine(async () => {
    const exec = await engine.getContainer(containerId).exec({
      Cmd: [...command],
      AttachStdin: stdin !== undefined,
      AttachStdout: true,
      AttachStderr: true,
      ...(options.user === undefined ? {} : { User: options.user }),
      ...(options.workingDir === undefined ? {} : { WorkingDir: options.workingDir }),
    });
    const stream = await exec.start({ hijack: true, stdin: stdin !== undefined });
    const chunks: Buffer[] = [];
    let size = 0;
    const read = createFrameReader((_stream, data) => {
      if (size < maxOutput) chunks.push(data.subarray(0, maxOutput - size));
      size += data.length;
    });
    const timedOut = await new Promise<boolean>((resolve, reject) => {
      const timer = timeoutMs > 0 ? setTimeout(() => finish(true), timeoutMs) : undefined;
      const finish = (late: boolean): void => {
        clearTimeout(timer);
        stream.destroy();
        resolve(late);
      };
      stream.on('data', read);
      stream.on('end', () => finish(false));
      stream.on('close', () => finish(false));
      stream.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      if (stdin !== undefined) stream.end(stdin);
    });
    const info = await exec.inspect();
    if (timedOut && info.Running) options.onTimeout?.(info.Pid);
    return {
      exitCode: info.ExitCode ?? -1,
      output: Buffer.concat(chunks).toString('utf8'),
      timedOut: timedOut && info.Running,
    };
  });
}

/** Runs a command joined to a caller's streams; resolves with its exit code once its output has been written out. */
export async function runAttached(
  engine: Engine,
  containerId: string,
  command: readonly string[],
  io: ExecIo,
): Promise<number> {
  return callEngine(async () => {
    const exec = await engine.getContainer(containerId).exec({
      Cmd: [...command],
      AttachStdin: io.stdin !== undefined,
      AttachStdout: true,
      AttachStderr: true,
      Tty: io.tty,
    });
    const stream = await exec.start({ hijack: true, stdin: io.stdin !== undefined, Tty: io.tty });
    keepSize(io, (size) => exec.resize(size));
    await joinStreams(stream, io);
    const info = await exec.inspect();
    return info.ExitCode ?? -1;
  });
}

/** Joins the caller to the container's own process. Its end gives the container's exit code, where it has ended. */
export async function attach(engine: Engine, containerId: string, io: ExecIo, containerTty: boolean): Promise<number> {
  return callEngine(async () => {
    const container = engine.getContainer(containerId);
    const stream = (await container.attach({
      stream: true,
      stdin: io.stdin !== undefined,
      stdout: true,
      stderr: true,
      hijack: true,
    })) as Duplex;
    keepSize(io, (size) => container.resize(size));
    await joinStreams(stream, { ...io, tty: containerTty });
    const { State } = await container.inspect();
    return State.Running ? 0 : State.ExitCode;
  });
}

const resizeAttempts = 40;
const resizeWaitMs = 50;

/** The first size comes with the connection, often before the engine has the process to give it to: it is tried again. */
function keepSize(io: ExecIo, resize: (size: { w: number; h: number }) => Promise<unknown>): void {
  let latest = 0;
  io.onResize(({ width, height }) => {
    const own = (latest += 1);
    const attempt = (left: number): void => {
      if (own !== latest || io.signal.aborted) return;
      resize({ w: width, h: height }).catch(() => {
        if (left > 1) setTimeout(attempt, resizeWaitMs, left - 1).unref();
      });
    };
    attempt(resizeAttempts);
  });
}

/** Copies both ways until the far side ends, keeping to the pace of the slower. */
function joinStreams(stream: Duplex, io: ExecIo): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => void stream.destroy();
    io.signal.addEventListener('abort', onAbort, { once: true });
    if (io.signal.aborted) onAbort();
    const write = (to: NodeJS.WritableStream | undefined, data: Buffer): void => {
      if (!to || to.write(data)) return;
      stream.pause();
      to.once('drain', () => stream.resume());
    };
    const read = createFrameReader((name, data) => write(name === 'stdout' ? io.stdout : io.stderr, data));
    stream.on('data', (chunk: Buffer) => (io.tty ? write(io.stdout, chunk) : read(chunk)));
    const finish = (): void => {
      io.signal.removeEventListener('abort', onAbort);
      if (io.stdin) io.stdin.unpipe(stream);
      stream.destroy();
      resolve();
    };
    stream.on('end', finish);
    stream.on('close', finish);
    stream.on('error', (error) => {
      if (io.signal.aborted) finish();
      else reject(engineError(error));
    });
    io.stdin?.pipe(stream);
    io.stdin?.on('error', () => stream.destroy());
  });
}
