/**
 * How long an answer that goes on may go on where each one held is a running function, paid for by the second even after its client
 * has gone (docs/adr/0021-adaptive-watches.md). `planWatch` decides from what can be told of a client; nothing here knows AWS.
 */
import { tooManyRequests } from '@nodeless/apimachinery/status';
import type { Clock } from '@nodeless/component-base/clock';

/** The seam of the watch and log routes. */
export interface StreamTerms {
  /** Rejects with 429 when the client is to come again later. */
  watch(asked: WatchAsked): Promise<StreamGrant>;
  /** For logs that are followed. */
  follow(asked: { readonly remainingMs: number }): Promise<StreamGrant>;
}

export interface StreamGrant {
  /** The answer ends then. */
  readonly ms: number;
  /** Idempotent. */
  release(): void;
}

export interface WatchAsked {
  readonly userAgent: string;
  readonly allowWatchBookmarks: boolean;
  readonly timeoutSeconds: number | undefined;
  /** `apps/deployments/`: whose log is watched. */
  readonly prefix: string;
  /** undefined: what exists comes first. */
  readonly resourceVersion: number | undefined;
  /** Until the function is ended; Infinity where nothing ends it. */
  readonly remainingMs: number;
}

export interface WatchFacts extends Omit<WatchAsked, 'prefix' | 'resourceVersion'> {
  /** Something waits for it already. */
  readonly behind: boolean;
  /** Since the resource changed last, as far as is known. */
  readonly quietMs: number | undefined;
}

export type WatchPlan = { readonly holdMs: number } | { readonly retryAfterSeconds: number };

/** So much is left of an invocation when its answer ends. */
const marginMs = 15_000;
/** What is held for those who come again by themselves: 30 s and up to 25 more, so that they do not all come at once. */
const capMs = 30_000;
const spreadMs = 25_000;
const hotMs = 60_000;
/** An empty watch below a second makes a reflector list again. */
const leastMs = 1_500;
/** No place is free. */
const fullSeconds = 5;

/** Reflectors ask for five to ten minutes. */
const reflectorSeconds = 240;
/** `manager/v0.9.1 (linux/arm64) kubernetes/1a2b3c4`: who has not given client-go a name of its own. */
const clientGo = /^\S+ \([a-z0-9]+\/[a-z0-9]+\) kubernetes\/\S+/;

/** A person waits at it, and what it shows ends with the watch. */
export const isInteractive = (userAgent: string): boolean => userAgent.startsWith('kubectl/');

/** It comes again after a 429 without listing, and from where it was. */
export function isReflector({ userAgent, allowWatchBookmarks, timeoutSeconds = 0 }: WatchFacts): boolean {
  return allowWatchBookmarks && timeoutSeconds >= reflectorSeconds && clientGo.test(userAgent);
}

/** `random`: 0 to 1. */
export function planWatch(facts: WatchFacts, random: number): WatchPlan {
  const { userAgent, timeoutSeconds, remainingMs, behind, quietMs } = facts;
  const asked = timeoutSeconds && timeoutSeconds > 0 ? timeoutSeconds * 1000 : Infinity;
  const hold = (ms: number): WatchPlan => ({ holdMs: Math.max(leastMs, Math.min(ms, asked, remainingMs - marginMs)) });
  if (isInteractive(userAgent)) return hold(Infinity);
  if (!isReflector(facts) || behind || (quietMs !== undefined && quietMs < hotMs))
    return hold(capMs + random * spreadMs);
  if (quietMs === undefined || quietMs < 10 * hotMs) return { retryAfterSeconds: 5 };
  return { retryAfterSeconds: 10 };
}

/** Places for answers that go on, shared by all functions of the cluster. */
export interface StreamPlaces {
  /** undefined: all are taken. `ms`: after this it is free again by itself. */
  take(ms: number): Promise<(() => void) | undefined>;
}

export interface OpenStreams extends StreamTerms {
  /** Whether a watch of this type is held now. */
  watched(prefix: string): boolean;
}

export interface StreamTermsDeps {
  /** Told of each watch that is going to be held. */
  readonly onWatch?: (prefix: string) => void;
  /** The current revision of a type. */
  readonly revision: (prefix: string) => Promise<number>;
  readonly places: StreamPlaces;
  readonly clock: Clock;
  readonly random?: () => number;
  /** For tests and the patient: every watch of a reflector is answered 429 unless something waits for it. */
  readonly plan?: typeof planWatch;
}

const tooMany = (seconds: number): Error => tooManyRequests('nothing has changed; please ask again later', seconds);

export function createStreamTerms(deps: StreamTermsDeps): OpenStreams {
  const { clock, random = Math.random, plan = planWatch } = deps;
  /** Per type: what was seen last, and when it was first seen to be different from before. */
  const seen = new Map<string, { readonly revision: number; readonly changedAt: number | undefined }>();

  const held = new Map<string, number>();

  const look = async (prefix: string): Promise<{ revision: number; quietMs: number | undefined }> => {
    const revision = await deps.revision(prefix);
    const before = seen.get(prefix);
    const now = clock.now();
    const changedAt = before && before.revision !== revision ? now : before?.changedAt;
    seen.set(prefix, { revision, changedAt });
    return { revision, quietMs: changedAt === undefined ? undefined : now - changedAt };
  };
  const grant = async (ms: number): Promise<StreamGrant> => {
    const leave = await deps.places.take(ms);
    if (!leave) throw tooManyRequests('too many watches are held already; please ask again later', fullSeconds);
    return { ms, release: leave };
  };

  return {
    async watch(asked) {
      const { revision, quietMs } = await look(asked.prefix);
      const behind = asked.resourceVersion === undefined || asked.resourceVersion < revision;
      const decided = plan({ ...asked, behind, quietMs }, random());
      if ('retryAfterSeconds' in decided) throw tooMany(decided.retryAfterSeconds);
      const { ms, release } = await grant(decided.holdMs);
      const { prefix } = asked;
      held.set(prefix, (held.get(prefix) ?? 0) + 1);
      deps.onWatch?.(prefix);
      let over = false;
      return {
        ms,
        release() {
          if (over) return;
          over = true;
          held.set(prefix, (held.get(prefix) ?? 1) - 1);
          release();
        },
      };
    },
    watched: (prefix) => (held.get(prefix) ?? 0) > 0,
    follow: ({ remainingMs }) => grant(Math.max(leastMs, remainingMs - marginMs)),
  };
}
