/** pods/exec and pods/attach. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { ApiError, type Status, badRequest } from '@nodeless/apimachinery/status';
import { methodNotAllowed } from '@nodeless/registry/endpoint';
import type { ExecIo, NodeConnection } from '@nodeless/client/node-connection';
import type { Registry } from '@nodeless/registry/registry';
import { PassThrough } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Call, CallScope } from '../call.ts';
import type { ApiResponse } from '../exchange.ts';
import { booleanParameter } from '../request-info.ts';
import { createSpdySession } from '../spdy/session.ts';
import type { RemoteStreams, StreamOptions, TerminalSize } from '../streaming/remote-streams.ts';
import { awaitSpdyStreams, streamProtocols } from '../streaming/spdy-streams.ts';
import {
  spdyResponse,
  streamProtocol,
  unsupportedStreamProtocol,
  upgradeKind,
  webSocketProtocol,
  webSocketResponse,
} from '../streaming/upgrade-request.ts';
import { channelProtocols, createWebSocketStreams } from '../streaming/websocket-streams.ts';
import { createWebSocket } from '../streaming/websocket.ts';
import { containerOf, nodeOf, podRef } from './pod-target.ts';

export interface PodExecDeps {
  readonly registry: Registry;
  readonly nodes: NodeConnection;
}

type Kind = 'exec' | 'attach';

export function createPodExec(deps: PodExecDeps, kind: Kind): (call: Call, scope: CallScope) => Promise<ApiResponse> {
  return async (call, scope) => {
    const { request, query, upgradable } = call;
    if (request.method !== 'GET' && request.method !== 'POST') throw methodNotAllowed();
    const flag = (name: string, absent: boolean): boolean => booleanParameter(query.get(name)) ?? absent;
    // Attach shows output unless told otherwise, as its options' defaults have it.
    const shown = kind === 'attach';
    const tty = flag('tty', false);
    const options: StreamOptions = {
      stdin: flag('stdin', false),
      stdout: flag('stdout', shown),
      stderr: flag('stderr', shown) && !tty,
      tty,
    };
    const command = query.getAll('command');
    const asked = query.get('container') ?? '';
    const kindName = kind === 'exec' ? 'PodExecOptions' : 'PodAttachOptions';
    const { object } = await deps.registry.connect(scope, {
      kind: kindName,
      apiVersion: 'v1',
      ...options,
      ...(asked === '' ? {} : { container: asked }),
      ...(kind === 'exec' ? { command: [...command] } : {}),
    });
    const pod = object as Readonly<Pod>;
    const container = containerOf(pod, asked);
    const node = nodeOf(pod);
    const how = upgradeKind(request);
    if (!upgradable || !how) throw deps.nodes.refuses?.(kind, node) ?? badRequest('Upgrade request required');
    if (!options.stdin && !options.stdout && !options.stderr)
      throw badRequest('you must specify at least 1 of stdin, stdout, stderr');

    const io = createIo(options);
    const run = (): Promise<{ exitCode: number }> =>
      kind === 'exec'
        ? deps.nodes.exec(node, podRef(pod), container, command, io.node)
        : deps.nodes.attach(node, podRef(pod), container, io.node);

    if (how === 'websocket') {
      const protocol = webSocketProtocol(request, channelProtocols);
      const running = await begin(run, io);
      return webSocketResponse(request, protocol, ({ socket, head }) => {
        serveStreams(createWebSocketStreams(createWebSocket(socket, head), protocol, options), io, running);
      });
    }
    const protocol = streamProtocol(request, streamProtocols);
    if (protocol === undefined) return unsupportedStreamProtocol(streamProtocols.filter((name) => name !== ''));
    const running = await begin(run, io);
    return spdyResponse(protocol, ({ socket, head }) => {
      const session = createSpdySession(socket, head);
      void awaitSpdyStreams(session, protocol, options).then((streams) => {
        if (streams) serveStreams(streams, io, running);
        else io.abort();
      });
    });
  };
}

/** A process that runs, or has failed since. In an object, so that nobody waits for its end by accident. */
interface Running {
  readonly ended: Promise<{ exitCode: number }>;
}

/** What is wrong from the start becomes an HTTP error, and not the end of a stream. */
async function begin(run: () => Promise<{ exitCode: number }>, io: Io): Promise<Running> {
  const ended = run();
  let failure: { error: unknown } | undefined;
  ended.catch((error: unknown) => {
    failure = { error };
  });
  await nextTurn();
  if (!failure) return { ended };
  io.abort();
  throw (failure as { error: unknown }).error;
}

interface Io {
  readonly node: ExecIo;
  readonly stdin: PassThrough | undefined;
  readonly stdout: PassThrough | undefined;
  readonly stderr: PassThrough | undefined;
  resize(size: TerminalSize): void;
  abort(): void;
}

function createIo(options: StreamOptions): Io {
  const pass = (wanted: boolean): PassThrough | undefined => {
    const stream = wanted ? new PassThrough() : undefined;
    stream?.on('error', () => {});
    return stream;
  };
  const [stdin, stdout, stderr] = [pass(options.stdin), pass(options.stdout), pass(options.stderr)];
  const aborter = new AbortController();
  const callbacks: ((size: TerminalSize) => void)[] = [];
  let last: TerminalSize | undefined;
  return {
    stdin,
    stdout,
    stderr,
    node: {
      stdin,
      stdout,
      stderr,
      tty: options.tty,
      signal: aborter.signal,
      onResize(callback) {
        callbacks.push(callback);
        if (last) callback(last);
      },
    },
    resize(size) {
      last = size;
      for (const callback of callbacks) callback(size);
    },
    abort: () => aborter.abort(),
  };
}

/** Joins the client's streams to the process's and tells how it ended when all that it wrote has been sent. */
function serveStreams(streams: RemoteStreams, io: Io, { ended }: Running): void {
  if (streams.stdin && io.stdin) streams.stdin.pipe(io.stdin);
  streams.onResize((size) => io.resize(size));
  streams.onClose(() => io.abort());
  const sent = (
    [
      ['stdout', io.stdout],
      ['stderr', io.stderr],
    ] as const
  ).map(
    ([name, from]) =>
      new Promise<void>((resolve) => {
        const to = streams[name];
        if (!from || !to) {
          from?.resume();
          resolve();
          return;
        }
        to.once('finish', resolve);
        to.once('close', resolve);
        from.pipe(to);
      }),
  );
  const finish = async (status: Status): Promise<void> => {
    io.stdout?.end();
    io.stderr?.end();
    await Promise.all(sent);
    streams.finish(status);
  };
  void ended.then(
    ({ exitCode }) => finish(exitStatus(exitCode)),
    (error: unknown) => finish(failureStatus(error)),
  );
}

function exitStatus(exitCode: number): Status {
  const success = { metadata: {}, status: 'Success' } as Status;
  if (exitCode === 0) return success;
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  } as Status;
}

function failureStatus(error: unknown): Status {
  const text = `error executing command in container: ${error instanceof Error ? error.message : String(error)}`;
  if (error instanceof ApiError && error.code !== 500) return error.status;
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${text}`,
    reason: 'InternalError',
    details: { causes: [{ message: text }] },
    code: 500,
  } as Status;
}
