/**
 * Tokens for IAM identities, in the form that `aws eks get-token` makes too: a presigned STS GetCallerIdentity request, good for
 * fifteen minutes. Whoever holds one can only learn and show whose it is; the cluster's id is signed with it, so that one cluster
 * cannot use it with another.
 */
import { createHash, createHmac } from 'node:crypto';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface IamTokenRequest {
  readonly credentials: AwsCredentials;
  /** The cluster's: tokens of other regions' STS are refused. */
  readonly region: string;
  /** The cluster's id, name and random part. */
  readonly cluster: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface IamToken {
  readonly token: string;
  /** When a client should make another, a minute before it is refused. RFC 3339. */
  readonly expirationTimestamp: string;
}

export const iamTokenPrefix = 'k8s-aws-v1.';
export const clusterIdHeader = 'x-k8s-aws-id';
/** STS takes a presigned request for this long, whatever X-Amz-Expires says. */
export const iamTokenLifeMs = 15 * 60_000;

/** The regional STS host. */
export function stsHost(region: string): string {
  return `sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

export function makeIamToken(request: IamTokenRequest): IamToken {
  const url = presignCallerIdentity(request);
  return {
    token: iamTokenPrefix + Buffer.from(url).toString('base64url'),
    expirationTimestamp: timeText(request.now + iamTokenLifeMs - 60_000),
  };
}

/** What kubectl's exec plugins answer. */
export function execCredential({ token, expirationTimestamp }: IamToken): object {
  return {
    kind: 'ExecCredential',
    apiVersion: 'client.authentication.k8s.io/v1',
    spec: {},
    status: { expirationTimestamp, token },
  };
}

/** AWS Signature Version 4 in the query, for this one request. */
export function presignCallerIdentity({ credentials, region, cluster, now }: IamTokenRequest): string {
  const host = stsHost(region);
  const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/sts/aws4_request`;
  const query = Object.entries({
    Action: 'GetCallerIdentity',
    Version: '2011-06-15',
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': '60',
    ...(credentials.sessionToken === undefined ? {} : { 'X-Amz-Security-Token': credentials.sessionToken }),
    'X-Amz-SignedHeaders': `host;${clusterIdHeader}`,
  })
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .sort()
    .join('&');
  const canonical = [
    'GET',
    '/',
    query,
    `host:${host}`,
    `${clusterIdHeader}:${cluster}`,
    '',
    `host;${clusterIdHeader}`,
    sha256(''),
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = [day, region, 'sts', 'aws4_request'].reduce<Buffer | string>(
    (secret, part) => hmac(secret, part),
    `AWS4${credentials.secretAccessKey}`,
  );
  return `https://${host}/?${query}&X-Amz-Signature=${hmac(key, toSign).toString('hex')}`;
}

/** RFC 3986: all but unreserved characters, which is more than encodeURIComponent does. */
const escape = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const timeText = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
