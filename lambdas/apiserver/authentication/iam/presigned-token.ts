/**
 * What can be told of an IAM token without asking anybody: whether it is what it must be, a request to this region's STS for the
 * caller's identity and for nothing else, made lately and for this cluster. Only then may it be sent.
 */
import { clusterIdHeader, iamTokenLifeMs, iamTokenPrefix } from '@nodeless/client/iam-token';

export interface PresignedToken {
  /** Path and query, for the region's STS. */
  readonly target: string;
  /** STS refuses it from then on; milliseconds since the epoch. */
  readonly expires: number;
  readonly accessKeyId: string;
}

export interface TokenRules {
  readonly region: string;
  /** Hosts that a token may name: the region's STS. */
  readonly hosts: readonly string[];
}

/** A session token of a role with many tags has some 2 KiB. */
const maxLength = 8192;
/** How far a client's clock may be ahead. */
const aheadMs = 5 * 60_000;
const maxExpiresSeconds = 15 * 60;

/** Those that may stand in the query, in lower case; true = must. */
const parameters: ReadonlyMap<string, boolean> = new Map([
  ['action', true],
  ['version', true],
  ['x-amz-algorithm', true],
  ['x-amz-credential', true],
  ['x-amz-date', true],
  ['x-amz-expires', false],
  ['x-amz-security-token', false],
  ['x-amz-signature', true],
  ['x-amz-signedheaders', true],
  ['x-amz-user-agent', false],
]);

export const isPresignedToken = (token: string): boolean => token.startsWith(iamTokenPrefix);

/** Throws an Error that says what is wrong, and repeats nothing of a token. */
export function checkPresignedToken(token: string, rules: TokenRules, now: number): PresignedToken {
  if (token.length > maxLength) throw new Error('token is too large');
  const encoded = token.slice(iamTokenPrefix.length).replace(/=+$/, '');
  if (!/^[A-Za-z0-9_-]+$/.test(encoded)) throw new Error('token is not base64url');
  const text = Buffer.from(encoded, 'base64url').toString('latin1');
  // As sent and as read must be one and the same: nothing that a parser would quietly change.
  if (!/^https:\/\/[a-z0-9.-]+\/\?[\x21-\x7e]+$/.test(text) || text.includes('#') || text.includes('\\'))
    throw new Error('token holds no presigned request');
  const question = text.indexOf('?');
  const host = text.slice('https://'.length, question - 1);
  if (!rules.hosts.includes(host)) throw new Error('token is for another host than the STS of this region');
  const query = readQuery(text.slice(question + 1));
  const value = (name: string): string => query.get(name) ?? '';

  if (value('action') !== 'GetCallerIdentity' || value('version') !== '2011-06-15')
    throw new Error('token asks for something else than GetCallerIdentity');
  if (value('x-amz-algorithm') !== 'AWS4-HMAC-SHA256') throw new Error('token is signed in another way');
  if (!/^[0-9a-f]{64}$/.test(value('x-amz-signature'))) throw new Error('token has no signature');
  const signed = value('x-amz-signedheaders').toLowerCase().split(';');
  // These two are all that is sent with it: a signature over more could not hold.
  if (signed.length !== 2 || !signed.includes('host') || !signed.includes(clusterIdHeader))
    throw new Error(`token must have signed the headers host and ${clusterIdHeader}`);

  const date = readDate(value('x-amz-date'));
  if (date === undefined) throw new Error('token has no date');
  const credential = /^([A-Z0-9]{16,128})\/(\d{8})\/([a-z0-9-]+)\/sts\/aws4_request$/.exec(value('x-amz-credential'));
  if (!credential || credential[2] !== value('x-amz-date').slice(0, 8) || credential[3] !== rules.region)
    throw new Error('token is signed for another service, region or day');
  const lifetime = query.get('x-amz-expires');
  if (lifetime !== undefined && !(/^\d{1,3}$/.test(lifetime) && Number(lifetime) <= maxExpiresSeconds))
    throw new Error('token has a wrong X-Amz-Expires');
  if (date > now + aheadMs) throw new Error('token is of a time to come: is the clock of its maker right?');
  if (date <= now - iamTokenLifeMs) throw new Error('token has expired');
  return { target: text.slice(question - 1), expires: date + iamTokenLifeMs, accessKeyId: credential[1] as string };
}

function readQuery(query: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).toLowerCase();
    if (!parameters.has(name)) throw new Error('token has a parameter that it must not have');
    if (found.has(name)) throw new Error('token has a parameter twice');
    found.set(name, decode(equals < 0 ? '' : part.slice(equals + 1)));
  }
  for (const [name, required] of parameters) if (required && !found.has(name)) throw new Error(`token lacks ${name}`);
  return found;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('token is not encoded as it must be');
  }
}

/** `20261123T091500Z` */
function readDate(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}
