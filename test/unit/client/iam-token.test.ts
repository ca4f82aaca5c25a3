import { Sha256 } from '@aws-crypto/sha256-js';
import { makeIamToken, presignCallerIdentity, stsHost } from '@nodeless/client/iam-token';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, it } from 'vitest';

const now = Date.parse('2026-11-23T09:15:00Z');

/** What AWS's own signer makes of the same request. */
async function presignedBySdk(
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string },
  region: string,
  cluster: string,
): Promise<URLSearchParams> {
  const host = stsHost(region);
  const signer = new SignatureV4({ credentials, region, service: 'sts', sha256: Sha256 });
  const signed = await signer.presign(
    new HttpRequest({
      method: 'GET',
      protocol: 'https:',
      hostname: host,
      path: '/',
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host, 'x-k8s-aws-id': cluster },
    }),
    { expiresIn: 60, signingDate: new Date(now), unhoistableHeaders: new Set(['x-k8s-aws-id']) },
  );
  return new URLSearchParams(signed.query as Record<string, string>);
}

describe('presignCallerIdentity', () => {
  it.each([
    [
      'a user',
      { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCY' },
      'us-east-1',
      'main',
    ],
    [
      'a session',
      { accessKeyId: 'ASIAIOSFODNN7EXAMPLE', secretAccessKey: 's', sessionToken: "IQoJ+b3/Jp=Z2lu!*'()~" },
      'eu-central-1',
      'team-a-7f3c9d21e0',
    ],
    ['China', { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 's' }, 'cn-north-1', 'main'],
  ])('signs as the SDK does: %s', async (_, credentials, region, cluster) => {
    const url = new URL(presignCallerIdentity({ credentials, region, cluster, now }));
    expect(url.host).toBe(stsHost(region));
    const [own, sdk] = [url.searchParams, await presignedBySdk(credentials, region, cluster)];
    own.sort();
    sdk.sort();
    expect([...own]).toEqual([...sdk]);
  });
});

describe('makeIamToken', () => {
  it('makes what `aws eks get-token` makes', () => {
    const { token, expirationTimestamp } = makeIamToken({
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 's' },
      region: 'us-east-1',
      cluster: 'main',
      now,
    });
    expect(token).toMatch(/^k8s-aws-v1\.[A-Za-z0-9_-]+$/);
    expect(Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString()).toMatch(
      /^https:\/\/sts\.us-east-1\.amazonaws\.com\/\?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=/,
    );
    expect(expirationTimestamp).toBe('2026-11-23T09:29:00Z');
  });
});
