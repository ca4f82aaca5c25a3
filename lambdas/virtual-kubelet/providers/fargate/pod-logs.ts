/** `kubectl logs` out of CloudWatch Logs: one stream a container and task, one event a line. */
import { PassThrough, pipeline, Readable } from 'node:stream';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import {
  type LogOptions,
  type PodLogs,
  type PodProvider,
  type PodRecords,
  type PodRef,
  ProviderError,
} from '../provider.ts';
import { taskId } from './task-state.ts';

export interface LogLine {
  /** Milliseconds. */
  readonly at: number;
  readonly text: string;
}

export interface LogPage {
  readonly lines: readonly LogLine[];
  /** Where it goes on; the same again at the end of what there is. */
  readonly forward: string;
  readonly backward: string;
}

export interface LogStore {
  /** undefined = there is no such stream (yet). */
  read(
    stream: string,
    options: { startTime?: number; token?: string; limit?: number; fromHead: boolean },
  ): Promise<LogPage | undefined>;
}

export interface PodLogsDeps {
  readonly store: LogStore;
  readonly provider: Pick<PodProvider & PodRecords, 'observePod' | 'doubt'> & {
    taskOf(ref: PodRef): Promise<{ readonly arn: string; readonly previous: string | undefined } | undefined>;
  };
  readonly clock: Clock;
}

/** CloudWatch gives so many at once at most. */
const pageLines = 10_000;
const pollMs = 1_000;
/** Lines arrive after the container's end, too. */
const latePolls = 5;
/** Events may not reach this process: it looks itself whether the container still runs. */
const lookAgainPolls = 15;

export function createPodLogs({ store, provider, clock }: PodLogsDeps): PodLogs {
  const streamOf = async (ref: PodRef, { container, previous }: LogOptions): Promise<string> => {
    const task = await provider.taskOf(ref);
    const observed = await provider.observePod(ref);
    if (observed && !observed.containers.some((c) => c.name === container))
      throw new ProviderError('not-found', `container ${container} not found in pod ${ref.name}`);
    if (previous && !task?.previous)
      throw new ProviderError('invalid', `previous terminated container "${container}" in pod "${ref.name}" not found`);
    if (!task)
      throw new ProviderError('not-found', `container "${container}" in pod "${ref.name}" is waiting to start`);
    return `${ref.namespace}/${container}/${taskId(previous ? (task.previous as string) : task.arn)}`;
  };

  /** Nothing more will be written to it. */
  const hasEnded = async (ref: PodRef, container: string): Promise<boolean> => {
    const observed = await provider.observePod(ref);
    const state = observed?.containers.find((c) => c.name === container)?.state;
    return (
      !observed || observed.finished || (state?.running === undefined && state?.waiting?.reason !== 'ContainerCreating')
    );
  };

  /** The last `count` lines, oldest first, and where what follows begins. */
  const tail = async (
    stream: string,
    count: number,
    startTime: number | undefined,
  ): Promise<{ lines: LogLine[]; token: string | undefined }> => {
    const lines: LogLine[] = [];
    let token: string | undefined;
    let forward: string | undefined;
    for (;;) {
      const limit = Math.max(1, Math.min(pageLines, count - lines.length));
      const page = await store.read(stream, { startTime, token, limit, fromHead: false });
      forward ??= page?.forward;
      if (!page) break;
      lines.unshift(...page.lines);
      // The first page may be empty in front of more; the token that comes back says the end.
      if (lines.length >= count || page.backward === token) break;
      token = page.backward;
    }
    return { lines: count === 0 ? [] : lines.slice(-count), token: forward };
  };

  async function* read(ref: PodRef, stream: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogLine> {
    const { sinceSeconds, sinceTime, tailLines } = options;
    const startTime =
      sinceTime?.getTime() ?? (sinceSeconds === undefined ? undefined : clock.now() - sinceSeconds * 1000);
    let token: string | undefined;
    if (tailLines !== undefined) {
      const last = await tail(stream, tailLines, startTime);
      yield* last.lines;
      ({ token } = last);
      if (!options.follow) return;
    }
    const follows = options.follow && !options.previous;
    for (let [quiet, over] = [0, 0]; !signal.aborted;) {
      const page = await store.read(stream, { startTime, token, fromHead: true });
      yield* page?.lines ?? [];
      const atEnd = !page || page.forward === token;
      token = page?.forward ?? token;
      if ((page?.lines.length ?? 0) > 0) over = 0;
      if (!atEnd) continue;
      if (!follows) return;
      if (++quiet % lookAgainPolls === 0) provider.doubt(ref);
      over = (await hasEnded(ref, options.container)) ? over + 1 : 0;
      if (over > latePolls) return;
      await sleep(clock, pollMs, signal).catch(() => {});
    }
  }

  return {
    async openLogs(ref, options) {
      const stream = await streamOf(ref, options);
      const ended = new AbortController();
      const lines = written(read(ref, stream, options, ended.signal), options);
      const source = new PassThrough();
      // A generator that waits cannot be ended from outside: what it waits for is.
      source.once('close', () => ended.abort());
      pipeline(Readable.from(lines, { objectMode: false }), source, () => {});
      return source;
    },
  };
}

async function* written(lines: AsyncGenerator<LogLine>, options: LogOptions): AsyncGenerator<Buffer> {
  let left = options.limitBytes ?? Infinity;
  for await (const { at, text } of lines) {
    const line = Buffer.from(
      `${options.timestamps ? `${nanoseconds(at)} ` : ''}${text}${text.endsWith('\n') ? '' : '\n'}`,
    );
    if (line.length >= left) {
      yield line.subarray(0, left);
      return;
    }
    left -= line.length;
    yield line;
  }
}

/** As container runtimes write it. */
const nanoseconds = (ms: number): string => new Date(ms).toISOString().replace(/(\.\d{3})Z$/, '$1000000Z');
