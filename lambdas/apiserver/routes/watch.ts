/** Watches: one long answer, a JSON object a line, or a WebSocket with a message an event. */
import { stringifyJson } from '@nodeless/apimachinery/json';
import type { ApiError } from '@nodeless/apimachinery/status';
import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { ListOptions, Registry, WatchEvent, WatchSession, WatchSink } from '@nodeless/registry/registry';
import type { ServedResource } from '@nodeless/registry/resource-table';
import { encodePartialMetadata, encodeTable } from '@nodeless/registry/table-encoder';
import type { Call, CallScope } from '../call.ts';
import type { ApiResponse, ResponseStream } from '../exchange.ts';
import type { RequestMetrics } from '../metrics.ts';
import type { StreamGrant, StreamTerms, WatchAsked } from '../stream-terms.ts';
import { type Accepted, watchNotAcceptable } from '../negotiation.ts';
import { onlyWebSocketProtocol, upgradeKind, webSocketResponse } from '../streaming/upgrade-request.ts';
import { createWebSocket } from '../streaming/websocket.ts';
import { webSocketStream } from '../streaming/websocket-response.ts';
import { includedObject } from '../tables.ts';

export interface WatchServerDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly metrics: RequestMetrics;
  /** Watches without timeoutSeconds end after this and up to as much again. Default 30 minutes, as upstream. */
  readonly minTimeoutMs?: number;
  /** A client that has this much still to take when more comes is cut off; it will resume. Default 16 MiB. */
  readonly maxPendingBytes?: number;
  readonly random?: () => number;
  /** Decides how long each watch may be held, where that costs something. */
  readonly terms?: StreamTerms;
}

export interface WatchServer {
  serve(
    call: Call,
    scope: CallScope,
    served: ServedResource,
    accepted: Accepted,
    options: ListOptions,
  ): Promise<ApiResponse>;
  /** Open watches. */
  readonly open: number;
}

const defaultMinTimeoutMs = 30 * 60 * 1000;
const defaultMaxPending = 16 * 1024 * 1024;

export function createWatchServer(deps: WatchServerDeps): WatchServer {
  const {
    registry,
    clock,
    metrics,
    minTimeoutMs = defaultMinTimeoutMs,
    maxPendingBytes = defaultMaxPending,
    random = Math.random,
    terms,
  } = deps;
  let open = 0;

  const seconds = (asked: number | undefined): number =>
    asked && asked > 0 ? asked : (minTimeoutMs * (1 + random())) / 1000;

  return {
    get open() {
      return open;
    },
    async serve(call, scope, served, accepted, asked) {
      // YAML cannot be streamed, and protobuf is not.
      if (accepted.mediaType !== 'application/json') throw watchNotAcceptable();
      const webSocket =
        call.upgradable && upgradeKind(call.request) === 'websocket'
          ? webSocketResponse(call.request, onlyWebSocketProtocol(call.request), ({ socket, head }) =>
              begin(webSocketStream(createWebSocket(socket, head))),
            )
          : undefined;
      const frame = framer(call, served, accepted, () => clock.now());
      const grant = await terms?.watch(watchAsked(call, served, asked, clock.now()));
      const wished = seconds(asked.timeoutSeconds);
      const options = { ...asked, timeoutSeconds: grant ? Math.min(wished, grant.ms / 1000) : wished };
      const labels = {
        verb: 'WATCH',
        group: served.group,
        version: served.version,
        resource: served.resource,
        subresource: '',
        scope: '',
      };

      // Events may come before the response has begun: they wait here.
      let early: Uint8Array[] | undefined = [];
      let ended: { error: ApiError | undefined } | undefined;
      let out: ResponseStream | undefined;
      let session: WatchSession | undefined;
      let backstop: Timer | undefined;

      const finish = (error: ApiError | undefined): void => {
        if (!out) {
          ended = { error };
          return;
        }
        if (error) out.write(errorFrame(error));
        out.end();
      };
      const sink: WatchSink = {
        onEvents(events) {
          if (out && out.pendingBytes > maxPendingBytes) {
            // It does not read; what it misses it can ask for again.
            session?.stop();
            out.destroy();
            return;
          }
          metrics.watchEvents(served.group, served.version, served.resource, events.length);
          for (const event of events) {
            const bytes = frame(event);
            if (early) early.push(bytes);
            else out?.write(bytes);
          }
        },
        onEnd: finish,
      };
      const running = await started(registry.watch(scope, options, sink), grant);
      session = running;
      const begin = (stream: ResponseStream): void => {
        out = stream;
        open++;
        const leave = metrics.longRunning(labels);
        stream.onClose(() => {
          open--;
          leave();
          backstop?.cancel();
          running.stop();
          grant?.release();
        });
        for (const bytes of early ?? []) stream.write(bytes);
        early = undefined;
        if (ended) finish(ended.error);
        // The registry ends it in time; this is for one that does not.
        else backstop = clock.setTimer(() => stream.end(), options.timeoutSeconds * 1000 + 5_000);
      };
      return (
        webSocket ?? {
          status: 200,
          headers: ['Content-Type', 'application/json'],
          body: { stream: begin, blanks: true },
        }
      );
    },
  };
}

function watchAsked(call: Call, served: ServedResource, options: ListOptions, now: number): WatchAsked {
  const { allowWatchBookmarks = false, timeoutSeconds, resourceVersion = '' } = options;
  const fromStart = options.sendInitialEvents === true || !/^[1-9]\d*$/.test(resourceVersion);
  return {
    userAgent: call.request.header('user-agent') ?? '',
    allowWatchBookmarks,
    timeoutSeconds,
    prefix: served.storage?.prefix ?? '',
    resourceVersion: fromStart ? undefined : Number(resourceVersion),
    remainingMs: (call.request.deadline ?? Infinity) - now,
  };
}

async function started(session: Promise<WatchSession>, grant: StreamGrant | undefined): Promise<WatchSession> {
  try {
    return await session;
  } catch (error) {
    grant?.release();
    throw error;
  }
}

function errorFrame(error: ApiError): Uint8Array {
  return Buffer.from(`{"type":"ERROR","object":${stringifyJson(error.status)}}\n`);
}

/** How an event is written for this client. The plain form is made once for all of them. */
function framer(
  call: Call,
  served: ServedResource,
  { convert }: Accepted,
  now: () => number,
): (event: WatchEvent) => Uint8Array {
  if (!convert || convert.kind === 'PartialObjectMetadataList') return (event) => event.frame();
  const wrap = (event: WatchEvent, object: Uint8Array): Uint8Array =>
    Buffer.concat([Buffer.from(`{"type":"${event.type}","object":`), object, Buffer.from('}\n')]);
  if (convert.kind === 'PartialObjectMetadata')
    return (event) => wrap(event, encodePartialMetadata(event.object, convert.version));
  const includeObject = includedObject(call.query);
  let columns = true;
  return (event) => {
    const { resourceVersion } = event.object.object().metadata ?? {};
    const table = encodeTable(
      served,
      [event.object],
      { resourceVersion },
      { version: convert.version, includeObject, now: now(), columns },
    );
    columns = false;
    return wrap(event, table);
  };
}
