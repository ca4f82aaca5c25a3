import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, it } from 'vitest';
import { signedHeaders } from '../../../../local/hub/loader.ts';

const keys = { AccessKeyId: 'AKIAEXAMPLE', SecretAccessKey: 'secret', Token: 'session/token+1' };
const now = Date.parse('2026-03-04T05:06:07.890Z');

describe('the request for the code', () => {
  it("has the signature of the SDK's own signer", async () => {
    const url = new URL('https://assets-123.s3.eu-central-1.amazonaws.com/0123abc.mjs');
    const signer = new SignatureV4({
      service: 's3',
      region: 'eu-central-1',
      credentials: { accessKeyId: keys.AccessKeyId, secretAccessKey: keys.SecretAccessKey, sessionToken: keys.Token },
      sha256: Sha256,
      uriEscapePath: false,
    });
    const request = new HttpRequest({
      method: 'GET',
      protocol: 'https:',
      hostname: url.hostname,
      path: url.pathname,
      headers: { host: url.host },
    });
    const signed = await signer.sign(request, { signingDate: new Date(now) });
    expect(signedHeaders(url, 'eu-central-1', keys, now)['authorization']).toBe(signed.headers['authorization']);
  });
});
