/** Lambda's event source mappings: what stands between a stream or a queue and a function, on a clock that the test moves. */
import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { QueueRig, ReceivedMessage } from './fifo-queue.ts';

/** What a function that reports partial failures answers. */
export interface BatchResponse {
  readonly batchItemFailures?: readonly { readonly itemIdentifier: string }[];
}

export interface StreamRigRecord<T> {
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly at: number;
  readonly data: T;
}

/** A stream: shards, each in order. */
export interface StreamRig<T> {
  put(partitionKey: string, data: T): StreamRigRecord<T>;
  shards: number;
  records(shard: number): readonly StreamRigRecord<T>[];
  onRecord(listener: (shard: number) => void): void;
}

export function createStreamRig<T>({ clock, shards = 1 }: { clock: Clock; shards?: number }): StreamRig<T> {
  const all = Array.from({ length: shards }, (): StreamRigRecord<T>[] => []);
  const listeners: ((shard: number) => void)[] = [];
  let sequence = 0;
  return {
    shards,
    put(partitionKey, data) {
      const shard = hashOf(partitionKey) % shards;
      const record = { sequenceNumber: String(++sequence).padStart(21, '0'), partitionKey, at: clock.now(), data };
      (all[shard] as StreamRigRecord<T>[]).push(record);
      for (const listener of listeners) listener(shard);
      return record;
    },
    records: (shard) => all[shard] ?? [],
    onRecord: (listener) => void listeners.push(listener),
  };
}

export interface StreamMappingOptions<T> {
  readonly clock: Clock;
  readonly stream: StreamRig<T>;
  readonly invoke: (records: readonly StreamRigRecord<T>[]) => Promise<BatchResponse | void>;
  readonly batchSize: number;
  /** How long records are gathered for a batch that is not full. */
  readonly windowMs?: number;
  /** Those that are not wanted are passed over without an invocation. */
  readonly filter?: (data: T) => boolean;
  /** Batches of one shard at once; records of one partition key stay in order. */
  readonly parallelization?: number;
  /** After the first attempt; absent: until the records expire. */
  readonly maxRetries?: number;
  readonly maxAgeMs?: number;
  /** A batch that failed as a whole is split in two. */
  readonly bisect?: boolean;
  /** Told of batches that are given up: numbers only, as Lambda tells. */
  readonly onFailure?: (given: { reason: string; first: string; last: string; size: number }) => void;
  /** ReportBatchItemFailures. */
  readonly reportFailures?: boolean;
}

export interface Mapping {
  readonly counts: { invocations: number; failures: number; givenUp: number };
  /** Nothing is under way and nothing waits to be worked on now. */
  idle(): boolean;
  stop(): void;
}

const retryBaseMs = 1_000;
const retryCapMs = 60_000;

export function createStreamMapping<T>(options: StreamMappingOptions<T>): Mapping {
  const { clock, stream, invoke, batchSize, windowMs = 0, filter = () => true, parallelization = 1 } = options;
  const { maxRetries = Infinity, maxAgeMs = Infinity, bisect = false, onFailure = () => {}, reportFailures } = options;
  const counts = { invocations: 0, failures: 0, givenUp: 0 };
  let stopped = false;
  let running = 0;
  type Waiting = StreamRigRecord<T>[];
  const lanes = Array.from({ length: stream.shards * parallelization }, () => ({
    waiting: [] as Waiting,
    busy: false,
    timer: undefined as Timer | undefined,
  }));
  const positions = Array.from({ length: stream.shards }, () => 0);

  const read = (shard: number): void => {
    const records = stream.records(shard);
    for (let at = positions[shard] as number; at < records.length; at++) {
      const record = records[at] as StreamRigRecord<T>;
      if (!filter(record.data)) continue;
      const lane = shard * parallelization + (hashOf(`lane ${record.partitionKey}`) % parallelization);
      lanes[lane]?.waiting.push(record);
      begin(lane);
    }
    positions[shard] = records.length;
  };
  const begin = (index: number): void => {
    const lane = lanes[index];
    if (!lane || stopped || lane.busy || lane.waiting.length === 0) return;
    if (windowMs > 0 && lane.waiting.length < batchSize) {
      lane.timer ??= clock.setTimer(() => {
        lane.timer = undefined;
        void work(index);
      }, windowMs);
      return;
    }
    lane.timer?.cancel();
    lane.timer = undefined;
    void work(index);
  };
  const work = async (index: number): Promise<void> => {
    const lane = lanes[index];
    if (!lane || stopped || lane.busy || lane.waiting.length === 0) return;
    lane.busy = true;
    running += 1;
    // The invocation does not begin inside of whatever wrote the record.
    await Promise.resolve();
    await deliver(lane.waiting.splice(0, batchSize), 0);
    running -= 1;
    lane.busy = false;
    begin(index);
  };
  const deliver = async (batch: Waiting, retries: number): Promise<void> => {
    const young = batch.filter(({ at }) => clock.now() - at <= maxAgeMs);
    if (young.length < batch.length) giveUp(batch.slice(0, batch.length - young.length), 'MaximumRecordAgeExceeded');
    if (young.length === 0 || stopped) return;
    counts.invocations += 1;
    let left: Waiting;
    let whole = false;
    try {
      const failed = reportFailures ? ((await invoke(young))?.batchItemFailures ?? []) : (await invoke(young), []);
      const first = Math.min(
        ...failed.map(({ itemIdentifier }) => young.findIndex((r) => r.sequenceNumber === itemIdentifier)),
      );
      // What is not of this batch means all of it, as does the first.
      left = failed.length === 0 ? [] : young.slice(Math.max(0, first));
      if (failed.length > 0) counts.failures += 1;
    } catch {
      counts.failures += 1;
      left = young;
      whole = true;
    }
    if (left.length === 0) return;
    if (retries >= maxRetries) return giveUp(left, 'RetryAttemptsExhausted');
    // Attempts count for the records that failed, not for those that got through meanwhile.
    const spent = left.length < young.length ? 1 : retries + 1;
    await wait(Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(retries, 10)));
    if (bisect && left.length > 1 && (whole || left.length === young.length)) {
      const half = Math.ceil(left.length / 2);
      await deliver(left.slice(0, half), retries);
      return deliver(left.slice(half), retries);
    }
    return deliver(left, spent);
  };
  const giveUp = (batch: Waiting, reason: string): void => {
    counts.givenUp += batch.length;
    onFailure({
      reason,
      first: batch[0]?.sequenceNumber ?? '',
      last: batch.at(-1)?.sequenceNumber ?? '',
      size: batch.length,
    });
  };
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      clock.setTimer(resolve, ms);
    });

  stream.onRecord(read);
  for (let shard = 0; shard < stream.shards; shard++) read(shard);
  return {
    counts,
    idle: () => running === 0 && lanes.every(({ timer, waiting }) => timer === undefined && waiting.length === 0),
    stop() {
      stopped = true;
      for (const lane of lanes) lane.timer?.cancel();
    },
  };
}

export interface QueueMappingOptions {
  readonly clock: Clock;
  readonly queue: QueueRig;
  readonly invoke: (messages: readonly ReceivedMessage[]) => Promise<BatchResponse | void>;
  readonly batchSize: number;
  /** Invocations at once. */
  readonly concurrency?: number;
}

/** Messages that failed are left to their visibility timeout; the others are deleted. */
export function createQueueMapping({ clock, queue, invoke, batchSize, concurrency = 5 }: QueueMappingOptions): Mapping {
  const counts = { invocations: 0, failures: 0, givenUp: 0 };
  let running = 0;
  let stopped = false;
  let looking = false;

  const look = (): void => {
    if (looking || stopped) return;
    looking = true;
    // Messages of the same moment come together.
    clock.setTimer(() => {
      looking = false;
      while (!stopped && running < concurrency) {
        const batch = queue.receive(batchSize);
        if (batch.length === 0) return;
        void work(batch);
      }
    }, 0);
  };
  const work = async (batch: readonly ReceivedMessage[]): Promise<void> => {
    running += 1;
    counts.invocations += 1;
    try {
      const response = await invoke(batch);
      const failed = new Set((response?.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier));
      if (failed.size > 0) counts.failures += 1;
      // An answer that nobody understands is that all have failed.
      if ([...failed].every((id) => batch.some(({ messageId }) => messageId === id)))
        for (const { messageId, receipt } of batch) if (!failed.has(messageId)) queue.delete(receipt);
    } catch {
      counts.failures += 1;
    }
    running -= 1;
    look();
  };
  queue.onVisible(look);
  look();
  return {
    counts,
    idle: () => running === 0 && !looking,
    stop() {
      stopped = true;
    },
  };
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
