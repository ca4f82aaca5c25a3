/** Asks STS whose a presigned request is. */
import { clusterIdHeader } from '@nodeless/client/iam-token';

export interface CallerIdentity {
  readonly account: string;
  /** `arn:aws:sts::123456789012:assumed-role/deployer/session`, `arn:aws:iam::123456789012:user/ann` */
  readonly arn: string;
  /** `AROA…:session`, `AIDA…` */
  readonly userId: string;
}

/** undefined = STS does not know it: the signature is wrong, the key is gone, the time is over. Rejects when STS cannot tell. */
export type AskCallerIdentity = (target: string) => Promise<CallerIdentity | undefined>;

export interface StsDeps {
  /** `https://sts.eu-central-1.amazonaws.com`. No slash at its end. */
  readonly endpoint: string;
  /** The cluster's id. It is sent as the header that the token has signed, so that a token for another cluster does not hold. */
  readonly cluster: string;
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
}

const defaultTimeoutMs = 3_000;
const maxAnswerBytes = 64 * 1024;

export function createStsCaller({
  endpoint,
  cluster,
  timeoutMs = defaultTimeoutMs,
  fetch: send = fetch,
}: StsDeps): AskCallerIdentity {
  const ask = (target: string): Promise<Response> =>
    send(endpoint + target, {
      headers: { accept: 'application/json', [clusterIdHeader]: cluster },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
  return async (target) => {
    // A connection that was kept while the function slept may be closed at its other end.
    const response = await ask(target).catch((error: unknown) => {
      if (error instanceof Error && error.name === 'TimeoutError') throw error;
      return ask(target);
    });
    const text = await response.text();
    if (response.status === 400 || response.status === 401 || response.status === 403) return undefined;
    if (response.status !== 200) throw new Error(`STS answers ${response.status}`);
    return readIdentity(text);
  };
}

function readIdentity(text: string): CallerIdentity {
  if (text.length > maxAnswerBytes) throw new Error('the answer of STS is too large');
  // Asked for as JSON; what only knows XML is understood too.
  const value = text.trimStart().startsWith('<') ? fromXml(text) : fromJson(text);
  const { Account: account, Arn: arn, UserId: userId } = value;
  if (typeof account !== 'string' || typeof arn !== 'string' || typeof userId !== 'string' || !arn.startsWith('arn:'))
    throw new Error('the answer of STS names no identity');
  return { account, arn, userId };
}

function fromJson(text: string): Record<string, unknown> {
  const answer = JSON.parse(text) as {
    GetCallerIdentityResponse?: { GetCallerIdentityResult?: Record<string, unknown> };
  };
  return answer.GetCallerIdentityResponse?.GetCallerIdentityResult ?? {};
}

function fromXml(text: string): Record<string, unknown> {
  const element = (name: string): string | undefined => new RegExp(`<${name}>([^<&]*)</${name}>`).exec(text)?.[1];
  return { Account: element('Account'), Arn: element('Arn'), UserId: element('UserId') };
}
