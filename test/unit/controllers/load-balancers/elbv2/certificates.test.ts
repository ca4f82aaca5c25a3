import { ACMClient } from '@aws-sdk/client-acm';
import { HttpResponse } from '@smithy/protocol-http';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createCertificates } from '@nodeless/controllers/load-balancers/elbv2/certificates';
import { describe, expect, it } from 'vitest';

const year = 31_536_000;
const pages = [
  {
    CertificateSummaryList: [
      { CertificateArn: 'arn:old', DomainName: 'a.example.com', NotAfter: year },
      {
        CertificateArn: 'arn:wild',
        DomainName: '*.example.com',
        SubjectAlternativeNameSummaries: ['*.example.com', 'other.org'],
        NotAfter: year,
      },
    ],
    NextToken: '1',
  },
  { CertificateSummaryList: [{ CertificateArn: 'arn:new', DomainName: 'A.example.com', NotAfter: 2 * year }] },
];

function certificates() {
  const clock = createManualClock();
  let calls = 0;
  const client = new ACMClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
    requestHandler: {
      metadata: { handlerProtocol: 'http/1.1' },
      handle: async () => ({
        response: new HttpResponse({ statusCode: 200, body: Buffer.from(JSON.stringify(pages[calls++ % 2])) }),
      }),
    } as never,
  });
  return { clock, found: createCertificates({ client, clock }), calls: () => calls };
}

describe('certificates by host', () => {
  it('are the ones that are good for longest, wildcards for one label', async () => {
    const { found } = certificates();
    expect(await found.find(['a.example.com', 'b.example.com', 'x.b.example.com', 'other.org', 'example.com'])).toEqual(
      new Map([
        ['a.example.com', 'arn:new'],
        ['b.example.com', 'arn:wild'],
        ['other.org', 'arn:wild'],
      ]),
    );
  });

  it('are remembered for a minute', async () => {
    const { found, clock, calls } = certificates();
    await found.find(['a']);
    await found.find(['b']);
    expect(calls()).toBe(2);
    await clock.advance(60_000);
    await found.find(['b']);
    expect(calls()).toBe(4);
  });
});
