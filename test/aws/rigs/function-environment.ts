/**
 * An execution environment of Lambda: a process with nothing but the function's bundle and its environment variables, which is
 * frozen (stopped) between invocations, serves one at a time, and is ended when an invocation is over its time.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface FunctionDefinition {
  readonly name: string;
  /** Folder with index.mjs. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly region: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
}

/** What an invocation answers: a stream of bytes, of which the head is the first part where it is an HTTP response. */
export interface Invocation {
  readonly contentType: string;
  readonly body: IncomingMessage;
}

export interface FunctionEnvironment {
  /** Rejects with FunctionError when the handler throws, its process ends or its time is over before it has answered. */
  invoke(event: unknown): Promise<Invocation>;
  /** Resolves when the last invocation is over and the process is frozen. */
  idle(): Promise<void>;
  readonly state: 'free' | 'busy' | 'dead';
  /** Milliseconds from the start of the process to its first question for work, and to import the bundle; resident bytes. */
  readonly start: Promise<{ readonly readyMs: number; readonly importMs: number; readonly memory: number }>;
  /** Everything that it wrote to its output. */
  log(): string;
  stop(): Promise<void>;
}

export class FunctionError extends Error {
  override readonly name = 'FunctionError';
}

const runtime = fileURLToPath(new URL('function-runtime.mjs', import.meta.url));

interface Running {
  readonly id: string;
  readonly answered: (invocation: Invocation) => void;
  readonly failed: (error: Error) => void;
  readonly over: () => void;
  readonly timer: NodeJS.Timeout;
}

export async function startFunctionEnvironment(definition: FunctionDefinition): Promise<FunctionEnvironment> {
  const began = performance.now();
  let waiting: ServerResponse | undefined;
  let running: Running | undefined;
  let free: Promise<void> = Promise.resolve();
  let dead = false;
  let busy = false;
  let output = '';
  const started = Promise.withResolvers<{ readyMs: number; importMs: number; memory: number }>();
  const ready = Promise.withResolvers<void>();
  started.promise.catch(() => {});

  const finish = (error?: Error): void => {
    if (!running) return;
    clearTimeout(running.timer);
    const { failed, over } = running;
    running = undefined;
    busy = false;
    if (error) failed(error);
    over();
  };
  const onNext = (request: IncomingMessage, response: ServerResponse): void => {
    waiting = response;
    finish();
    const header = (name: string): number => Number(request.headers[name]);
    started.resolve({
      readyMs: performance.now() - began,
      importMs: header('x-rig-init-ms'),
      memory: header('x-rig-memory'),
    });
    ready.resolve();
    // Nothing runs between invocations.
    child.kill('SIGSTOP');
  };
  const server: Server = createServer((request, response) => {
    const { url = '' } = request;
    if (url.endsWith('/invocation/next')) return onNext(request, response);
    if (url.endsWith('/response') && running) {
      running.answered({ contentType: request.headers['content-type'] ?? 'application/json', body: request });
      request.once('close', () => response.writeHead(202).end());
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const error = new FunctionError(Buffer.concat(chunks).toString());
      // CloudWatch has it too.
      output += `${error.message}\n`;
      if (url.endsWith('/init/error')) started.reject(error);
      else running?.failed(error);
      response.writeHead(202).end();
    });
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const child: ChildProcess = spawn(
    process.execPath,
    ['--enable-source-maps=false', `--max-old-space-size=${Math.floor(definition.memoryMb * 0.9)}`, runtime],
    {
      env: {
        ...definition.environment,
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
        AWS_LAMBDA_FUNCTION_NAME: definition.name,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMb),
        AWS_REGION: definition.region,
        AWS_DEFAULT_REGION: definition.region,
        LAMBDA_TASK_ROOT: definition.folder,
        _HANDLER: definition.environment['_HANDLER'] ?? 'index.handler',
        TZ: ':UTC',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-200_000);
    });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      dead = true;
      process.off('exit', end);
      const error = new FunctionError(`the process has ended: ${output.slice(-2000)}`);
      started.reject(error);
      ready.resolve();
      finish(error);
      server.close();
      server.closeAllConnections();
      resolve();
    });
  });

  const begin = async (event: unknown): Promise<Invocation> => {
    const over = Promise.withResolvers<void>();
    free = over.promise;
    await ready.promise;
    if (dead || !waiting) {
      busy = false;
      over.resolve();
      throw new FunctionError(`the function does not start: ${output.slice(-2000)}`);
    }
    const response = waiting;
    waiting = undefined;
    return await new Promise<Invocation>((resolve, reject) => {
      const id = randomUUID();
      const timer = setTimeout(end, definition.timeoutSeconds * 1000);
      running = { id, answered: resolve, failed: reject, over: over.resolve, timer };
      child.kill('SIGCONT');
      response.writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': id,
        'lambda-runtime-deadline-ms': String(Date.now() + definition.timeoutSeconds * 1000),
        'lambda-runtime-invoked-function-arn': `arn:aws:lambda:${definition.region}:123456789012:function:${definition.name}`,
      });
      response.end(JSON.stringify(event));
    });
  };
  return {
    invoke(event) {
      if (busy || dead) throw new Error('an environment serves one invocation at a time');
      busy = true;
      return begin(event);
    },
    idle: () => free,
    get state() {
      return dead ? 'dead' : busy ? 'busy' : 'free';
    },
    start: started.promise,
    log: () => output,
    async stop() {
      end();
      await exited;
    },
  };
}
