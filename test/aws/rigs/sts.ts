/** STS's GetCallerIdentity over HTTP: it checks the presigned signature against the keys that it knows, with the SDK's own signer. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface IamPrincipal {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly account: string;
  readonly arn: string;
  readonly userId: string;
}

export interface StsRig {
  readonly endpoint: string;
  /** Requests that have come, refused ones included. */
  calls(): number;
  stop(): Promise<void>;
}

const maxAgeMs = 15 * 60_000;

/** `host` = the name that tokens are signed for, which is not this rig's own. */
export async function startSts(principals: readonly IamPrincipal[], region: string, host: string): Promise<StsRig> {
  let calls = 0;
  const server = createServer((request, response) => {
    calls++;
    identify(request.url ?? '', (name) => request.headers[name] as string | undefined).then(
      (principal) => {
        const { account: Account, arn: Arn, userId: UserId } = principal ?? { account: '', arn: '', userId: '' };
        response.writeHead(principal ? 200 : 403, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify(
            principal
              ? { GetCallerIdentityResponse: { GetCallerIdentityResult: { Account, Arn, UserId } } }
              : { Error: { Code: 'SignatureDoesNotMatch' } },
          ),
        );
      },
      () => response.writeHead(500).end(),
    );
  });

  const identify = async (
    target: string,
    header: (name: string) => string | undefined,
  ): Promise<IamPrincipal | undefined> => {
    const query = new URL(target, 'https://rig').searchParams;
    const accessKeyId = query.get('X-Amz-Credential')?.split('/')[0];
    const principal = principals.find((known) => known.accessKeyId === accessKeyId);
    const [, year, month, day, hour, minute, second] =
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get('X-Amz-Date') ?? '') ?? [];
    const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
    if (!principal || Number.isNaN(date.getTime()) || Math.abs(Date.now() - date.getTime()) > maxAgeMs)
      return undefined;
    const signed = (query.get('X-Amz-SignedHeaders') ?? '').split(';').filter((name) => name !== 'host');
    const own = Object.fromEntries(
      [...query].filter(
        ([name]) => !/^x-amz-(?:algorithm|credential|date|expires|signedheaders|signature|security-token)$/i.test(name),
      ),
    );
    const signer = new SignatureV4({ credentials: principal, region, service: 'sts', sha256: Sha256 });
    const again = await signer.presign(
      new HttpRequest({
        method: 'GET',
        protocol: 'https:',
        hostname: host,
        path: '/',
        query: own,
        headers: { host, ...Object.fromEntries(signed.map((name) => [name, header(name) ?? ''])) },
      }),
      {
        expiresIn: Number(query.get('X-Amz-Expires') ?? 60),
        signingDate: date,
        unhoistableHeaders: new Set(signed),
        unsignableHeaders: new Set(),
      },
    );
    return again.query?.['X-Amz-Signature'] === query.get('X-Amz-Signature') ? principal : undefined;
  };

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
