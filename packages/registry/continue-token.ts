/** The `continue` parameter: a revision and the last key seen, as kube-apiserver's tokens hold them. */
import { parseJson } from '@nodeless/apimachinery/json';
import { badRequest } from '@nodeless/apimachinery/status';

export interface ContinueToken {
  /** The revision that the list is exact at; -1 = go on at the latest one (offered when the first has expired). */
  readonly revision: number;
  /** The key after which the next page starts, without the list's prefix. */
  readonly start: string;
}

const tokenVersion = 'meta.k8s.io/v1';
/** etcd starts at a key and does not skip one: upstream's tokens name the smallest key after the last one. */
const nextKeySuffix = '\0';

export function encodeContinue({ revision, start }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: tokenVersion, rv: revision, start: start + nextKeySuffix })).toString(
    'base64url',
  );
}

/** @throws ApiError 400 */
export function decodeContinue(text: string): ContinueToken {
  const at = firstBadBase64(text);
  if (at >= 0) throw bad(`continue key is not valid: illegal base64 data at input byte ${at}`);
  let token: unknown;
  try {
    token = parseJson(Buffer.from(text, 'base64url')).value;
  } catch (error) {
    throw bad(`continue key is not valid: ${error instanceof Error ? error.message : 'not JSON'}`);
  }
  const { v, rv, start } = (token ?? {}) as { v?: unknown; rv?: unknown; start?: unknown };
  if (v !== tokenVersion)
    throw bad(
      `continue key is not valid: server does not recognize this encoded version ${typeof v === 'string' ? v : ''}`,
    );
  if (!Number.isSafeInteger(rv) || rv === 0)
    throw bad(`continue key is not valid: incorrect encoded start resourceVersion (version ${tokenVersion})`);
  if (typeof start !== 'string' || start === '')
    throw bad(`continue key is not valid: encoded start key empty (version ${tokenVersion})`);
  // a token is the client's to forge: it must not lead out of the range it is used on
  const segments = start.split('/');
  if (segments.length > 2 || segments.some((s) => s === '.' || s === '..') || segments.slice(1).includes('')) {
    throw bad(`continue key is not valid: ${start}`);
  }
  return { revision: rv as number, start: start.endsWith(nextKeySuffix) ? start.slice(0, -1) : start };
}

const bad = (why: string): Error => badRequest(`invalid continue token: ${why}`);

/** Position at which Go's unpadded URL decoder gives up, or -1. */
function firstBadBase64(text: string): number {
  const clean = text.search(/[^A-Za-z0-9_\-\r\n]/);
  if (clean >= 0) return clean;
  return text.replaceAll(/[\r\n]/g, '').length % 4 === 1 ? text.length - 1 : -1;
}
