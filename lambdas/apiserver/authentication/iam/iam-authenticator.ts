/**
 * IAM identities as users. Whoever sends a token makes us ask STS, so it is asked as little as can be: never for what cannot be
 * good, once for one token at a time, not again soon for what was refused, and not more often than its budget allows.
 */
import type { Clock } from '@nodeless/component-base/clock';
import { createHash } from 'node:crypto';
import {
  type Authentication,
  AuthenticationUnavailable,
  type TokenAuthenticator,
  withAuthenticatedGroup,
} from '../authenticator.ts';
import { type AccessEntry, canonicalArn, findAccessEntry, sessionName, usernameOf } from './access-entries.ts';
import type { AskCallerIdentity, CallerIdentity } from './caller-identity.ts';
import { type TokenRules, checkPresignedToken, isPresignedToken } from './presigned-token.ts';

export interface IamAuthenticatorDeps extends TokenRules {
  readonly ask: AskCallerIdentity;
  /** The entries, at most `maxAgeMs` old. */
  readonly entries: (maxAgeMs: number) => Promise<readonly AccessEntry[]>;
  /** What the API server calls itself: these tokens name no audience. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
  /** Calls of STS that may be made at once, and how many more each second. */
  readonly budget?: { readonly burst: number; readonly perSecond: number };
}

interface Known {
  readonly identity: CallerIdentity;
  readonly accessKeyId: string;
  readonly until: number;
  /** Of the entry that it was made from. */
  entry?: AccessEntry;
  authentication?: Authentication;
}

const entriesAgeMs = 5 * 60_000;
/** Someone unknown may have been made known just now. */
const freshEntriesMs = 15_000;
const positiveMs = 14 * 60_000;
const negativeMs = 60_000;
const maxRemembered = 2_000;

export function createIamAuthenticator(deps: IamAuthenticatorDeps): TokenAuthenticator {
  const { clock, audiences: own, budget = { burst: 20, perSecond: 5 } } = deps;
  const known = new Map<string, Known>();
  const refused = new Map<string, number>();
  const asking = new Map<string, Promise<Known>>();
  let tokens = budget.burst;
  let filledAt = clock.now();

  const takeFromBudget = (): void => {
    const now = clock.now();
    tokens = Math.min(budget.burst, tokens + ((now - filledAt) / 1000) * budget.perSecond);
    filledAt = now;
    if (tokens < 1) throw new AuthenticationUnavailable('too many unknown tokens at once');
    tokens--;
  };
  const remember = <T>(map: Map<string, T>, key: string, value: T): void => {
    if (map.size >= maxRemembered) map.delete(map.keys().next().value as string);
    map.set(key, value);
  };

  const askOnce = async (token: string, key: string): Promise<Known> => {
    const { target, expires, accessKeyId } = checkPresignedToken(token, deps, clock.now());
    takeFromBudget();
    let identity: CallerIdentity | undefined;
    try {
      identity = await deps.ask(target);
    } catch (error) {
      throw new AuthenticationUnavailable('STS cannot be asked', { cause: error });
    }
    if (!identity) {
      remember(refused, key, clock.now() + negativeMs);
      throw new Error('STS does not know this token');
    }
    const found: Known = { identity, accessKeyId, until: Math.min(expires, clock.now() + positiveMs) };
    remember(known, key, found);
    return found;
  };

  const identify = async (token: string, key: string): Promise<Known> => {
    let found = asking.get(key);
    if (!found) {
      found = askOnce(token, key).finally(() => asking.delete(key));
      asking.set(key, found);
    }
    return await found;
  };

  const entryFor = async (arn: string): Promise<AccessEntry> => {
    for (const age of [entriesAgeMs, freshEntriesMs]) {
      let entries: readonly AccessEntry[];
      try {
        entries = await deps.entries(age);
      } catch (error) {
        throw new AuthenticationUnavailable('the access entries cannot be read', { cause: error });
      }
      const entry = findAccessEntry(entries, arn);
      if (entry) return entry;
    }
    throw new Error(`there is no access entry for ${canonicalArn(arn) ?? arn}`);
  };

  const authenticate = async (
    token: string,
    key: string,
    audiences: readonly string[],
  ): Promise<Authentication | undefined> => {
    const found = known.get(key) ?? (await identify(token, key));
    const entry = await entryFor(found.identity.arn);
    // The same user again as long as it says the same.
    if (!found.authentication || !found.entry || JSON.stringify(found.entry) !== JSON.stringify(entry)) {
      found.authentication = { user: userOf(entry, found), audiences: own };
      found.entry = entry;
    }
    const common = audiences.filter((audience) => own.includes(audience));
    return common.length === 0 ? undefined : { ...found.authentication, audiences: common };
  };

  return {
    authenticateToken(token, audiences) {
      if (!isPresignedToken(token)) return undefined;
      const key = createHash('sha256').update(token).digest('base64');
      const now = clock.now();
      const before = known.get(key);
      if (before && before.until <= now) known.delete(key);
      const until = refused.get(key);
      if (until !== undefined) {
        if (until > now) throw new Error('STS does not know this token');
        refused.delete(key);
      }
      return authenticate(token, key, audiences);
    },
  };
}

function userOf(entry: AccessEntry, { identity, accessKeyId }: Known): Authentication['user'] {
  const session = sessionName(identity.arn);
  return withAuthenticatedGroup({
    name: usernameOf(entry, identity),
    uid: `aws-iam-authenticator:${identity.account}:${identity.userId.split(':')[0]}`,
    groups: entry.groups,
    extra: {
      accessKeyId: [accessKeyId],
      arn: [identity.arn],
      canonicalArn: [canonicalArn(identity.arn) ?? identity.arn],
      principalId: [identity.userId.split(':')[0] as string],
      ...(session === '' ? {} : { sessionName: [session] }),
    },
  });
}
