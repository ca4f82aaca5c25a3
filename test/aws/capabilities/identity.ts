import { Sha256 } from '@aws-crypto/sha256-js';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Probed } from './probe.ts';

/** A presigned GetCallerIdentity: good as it is, refused once a byte of its signature is another. */
export async function stsSignatures({ settings, endpoint }: Probed): Promise<string | undefined> {
  const target = new URL(endpoint ?? `https://sts.${settings.region}.amazonaws.com/`);
  const signer = new SignatureV4({
    credentials: settings.credentials ?? defaultProvider(),
    region: settings.region,
    service: 'sts',
    sha256: Sha256,
  });
  const signed = await signer.presign(
    new HttpRequest({
      protocol: target.protocol,
      hostname: target.hostname,
      ...(target.port === '' ? {} : { port: Number(target.port) }),
      path: '/',
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host: target.host, 'x-k8s-aws-id': 'probe' },
    }),
    { expiresIn: 60 },
  );
  const ask = async (change: (signature: string) => string): Promise<number> => {
    const url = new URL(target);
    for (const [name, value] of Object.entries(signed.query ?? {}))
      url.searchParams.set(name, name === 'X-Amz-Signature' ? change(String(value)) : String(value));
    const response = await fetch(url, { headers: { 'x-k8s-aws-id': 'probe' } });
    await response.arrayBuffer();
    return response.status;
  };
  const good = await ask((signature) => signature);
  if (good !== 200) return `a presigned GetCallerIdentity answers ${good}`;
  const tampered = await ask((signature) => (signature.startsWith('0') ? '1' : '0') + signature.slice(1));
  return tampered === 200 ? 'a presigned GetCallerIdentity with a wrong signature is accepted' : undefined;
}
