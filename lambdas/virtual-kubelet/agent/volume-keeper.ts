import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { backoffDelay } from '@nodeless/component-base/retry';
import type { AgentTiming, BootDocument, TokenQuery, TokenResponse, VolumesResponse } from './agent-protocol.ts';
import { type DoorClient, DoorError } from './door-client.ts';
import { jittered } from './reporter.ts';
import type { VolumeWriter } from './volume-writer.ts';

export interface VolumeKeeperDeps {
  readonly door: Pick<DoorClient, 'volumes' | 'token'>;
  readonly writer: VolumeWriter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timing: AgentTiming['volumes'];
  /** Volumes of another revision stand. */
  readonly onChange: () => void;
  readonly onEvent: (type: 'Warning', reason: string, message: string) => void;
  readonly random?: () => number;
}

/** Keeps the pod's volumes as the cluster has them, and the tokens in them alive. */
export interface VolumeKeeper {
  /** Writes them for the first time. Rejects when that fails: the pod cannot start. */
  begin(boot: Pick<BootDocument, 'volumes' | 'tokens'>): Promise<void>;
  /** Of what stands; '' until something does. */
  revision(): string;
  /** The cluster is said to have this revision. */
  hint(revision: string): void;
  stop(): void;
}

const firstRetryMs = 2_000;
const longestRetryMs = 120_000;

export function createVolumeKeeper(deps: VolumeKeeperDeps): VolumeKeeper {
  const { door, writer, clock, log, timing } = deps;
  const tokens = new Map<string, TokenResponse>();
  let current: VolumesResponse = { revision: '', volumes: [] };
  let wanted: VolumesResponse = current;
  let distance = timing.min;
  let failures = 0;
  let stopped = false;
  let refreshTimer: Timer | undefined;
  let tokenTimer: Timer | undefined;
  let turns: Promise<unknown> = Promise.resolve();

  /** One at a time: a rotation and a refresh write the same folders. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = turns.then(work);
    turns = turn.catch(() => {});
    return turn;
  };

  const queries = (volumes: VolumesResponse): TokenQuery[] => {
    const found = new Map<string, TokenQuery>();
    for (const { files } of volumes.volumes)
      for (const { token } of files) if (token) found.set(tokenKey(token), token);
    return [...found.values()];
  };

  const writeAll = async (volumes: VolumesResponse): Promise<void> => {
    for (const query of queries(volumes)) {
      const key = tokenKey(query);
      if (!tokens.has(key)) tokens.set(key, await door.token(query));
    }
    for (const volume of volumes.volumes)
      await writer.write(volume, (query) => tokens.get(tokenKey(query))?.token ?? '');
    current = volumes;
  };

  const refresh = async (): Promise<void> => {
    try {
      const fresh = await door.volumes(wanted.revision);
      if (fresh) wanted = fresh;
      const changed = wanted.revision !== current.revision;
      if (changed) {
        await inTurn(() => writeAll(wanted));
        deps.onChange();
      }
      failures = 0;
      // What was edited is likely to be edited again; what stays the same is asked for ever more rarely.
      distance = changed ? timing.min : Math.min(timing.max, distance * 1.5);
      refreshAfter(jittered(distance, deps.random));
    } catch (error) {
      failures += 1;
      const delay = backoffDelay(failures, { baseMs: firstRetryMs, capMs: longestRetryMs, random: deps.random });
      refreshAfter(Math.max(firstRetryMs, delay, error instanceof DoorError ? (error.retryAfterMs ?? 0) : 0));
      log.warn('the volumes could not be renewed', { failures, error: String(error) });
      // Not the door's being away, but something to be told: a ConfigMap is missing, the disk is full.
      const status = error instanceof DoorError ? error.status : 409;
      if (status === 409)
        deps.onEvent('Warning', 'FailedMount', String(error instanceof Error ? error.message : error));
    }
  };

  const refreshAfter = (ms: number): void => {
    if (stopped || timing.max === 0) return;
    refreshTimer?.cancel();
    refreshTimer = clock.setTimer(() => void refresh(), ms);
  };

  let tokenFailures = 0;
  const renewTokens = async (): Promise<void> => {
    let failed = false;
    for (const query of queries(current)) {
      const key = tokenKey(query);
      if ((tokens.get(key) ? Date.parse(tokens.get(key)!.renewAt) : 0) > clock.now()) continue;
      try {
        tokens.set(key, await door.token(query));
      } catch (error) {
        failed = true;
        log.warn('a token could not be renewed', { audience: query.audience, error: String(error) });
      }
    }
    try {
      await inTurn(() => writeAll(current));
    } catch (error) {
      failed = true;
      log.warn('renewed tokens could not be written', { error: String(error) });
    }
    tokenFailures = failed ? tokenFailures + 1 : 0;
    planRenewal();
  };

  const planRenewal = (): void => {
    tokenTimer?.cancel();
    const times = queries(current).map((query) => Date.parse(tokens.get(tokenKey(query))?.renewAt ?? '') || 0);
    if (stopped || times.length === 0) return;
    const retryMs =
      tokenFailures === 0
        ? 0
        : Math.max(
            firstRetryMs,
            backoffDelay(tokenFailures, { baseMs: firstRetryMs, capMs: longestRetryMs, random: deps.random }),
          );
    tokenTimer = clock.setTimer(() => void renewTokens(), Math.max(retryMs, Math.min(...times) - clock.now()));
  };

  return {
    async begin(boot) {
      for (const { audience, expirationSeconds, ...token } of boot.tokens)
        tokens.set(tokenKey({ audience, expirationSeconds }), token);
      wanted = boot.volumes;
      await inTurn(() => writeAll(wanted));
      planRenewal();
      refreshAfter(jittered(distance, deps.random));
    },
    revision: () => current.revision,
    hint(revision) {
      if (revision !== wanted.revision && !stopped && timing.max > 0) refreshAfter(0);
    },
    stop() {
      stopped = true;
      refreshTimer?.cancel();
      tokenTimer?.cancel();
    },
  };
}

const tokenKey = ({ audience, expirationSeconds }: TokenQuery): string => `${audience}\n${expirationSeconds}`;
