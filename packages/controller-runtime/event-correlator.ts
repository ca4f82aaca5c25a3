/** Which of many events become objects: client-go's EventCorrelator (tools/record/events_cache.go) with its default numbers. */

/** Events are alike, and repeat, within ten minutes. */
const windowMs = 600_000;
/** From so many different messages on, alike events are put together. */
const maxAlike = 10;
/** One source may say so much about one object at once, and then one event in five minutes. */
const burst = 25;
const refillMs = 300_000;
const maxRemembered = 4096;

export interface EventParts {
  /** Kind, namespace, name and UID of what it is about. */
  readonly about: string;
  readonly fieldPath: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

export interface Correlated {
  /** Events of one key are one object. */
  readonly key: string;
  readonly message: string;
}

export interface EventCorrelator {
  /** undefined: too much has been said about this object. */
  correlate(event: EventParts, now: number): Correlated | undefined;
}

export function createEventCorrelator(): EventCorrelator {
  const alike = new Map<string, { messages: Set<string>; lastSeen: number }>();
  const budgets = new Map<string, { tokens: number; at: number }>();

  const allowed = (about: string, now: number): boolean => {
    const budget = budgets.get(about) ?? { tokens: burst, at: now };
    budget.tokens = Math.min(burst, budget.tokens + (now - budget.at) / refillMs);
    budget.at = now;
    remember(budgets, about, budget);
    if (budget.tokens < 1) return false;
    budget.tokens -= 1;
    return true;
  };

  return {
    correlate({ about, fieldPath, type, reason, message }, now) {
      const group = `${about}\n${type}\n${reason}`;
      let seen = alike.get(group);
      if (!seen || now - seen.lastSeen > windowMs) seen = { messages: new Set(), lastSeen: now };
      seen.lastSeen = now;
      if (seen.messages.size < maxAlike) seen.messages.add(message);
      remember(alike, group, seen);
      if (!allowed(about, now)) return undefined;
      if (seen.messages.size < maxAlike) return { key: `${group}\n${fieldPath}\n${message}`, message };
      return { key: group, message: `(combined from similar events): ${message}` };
    },
  };
}

/** Keeps the newest entries only: the order of a Map is that of insertion. */
export function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > maxRemembered) map.delete(map.keys().next().value as string);
}

export { windowMs as repeatWindowMs };
