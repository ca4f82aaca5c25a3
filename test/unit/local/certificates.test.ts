import {
  createCertificateAuthority,
  createServiceAccountKey,
  issueClientCertificate,
  issueServingCertificate,
  needsRenewal,
  servingNames,
} from '@nodeless/local/certificates';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';

const now = Date.parse('2026-06-01T00:00:00Z');
const day = 24 * 3600 * 1000;
const names = servingNames({
  clusterDomain: 'cluster.local',
  serviceIp: '10.96.0.1',
  extra: ['my-host', '192.168.1.2'],
});
let ca: Awaited<ReturnType<typeof createCertificateAuthority>>;
beforeAll(async () => {
  ca = await createCertificateAuthority('kubernetes-ca', now);
});

describe('certificates', () => {
  it('of the authority may sign', () => {
    const certificate = new X509Certificate(ca.certificate);
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(ca.key))).toBe(true);
  });

  it('of the server have every name it is called by', async () => {
    const pair = await issueServingCertificate(ca, names, now);
    const certificate = new X509Certificate(pair.certificate);
    expect(certificate.verify(new X509Certificate(ca.certificate).publicKey)).toBe(true);
    for (const name of [
      'localhost',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'my-host',
    ])
      expect(certificate.checkHost(name), name).toBe(name);
    for (const address of ['127.0.0.1', '10.96.0.1', '192.168.1.2'])
      expect(certificate.checkIP(address), address).toBe(address);
    expect(certificate.checkHost('evil')).toBeUndefined();
  });

  it('of clients carry user and groups', async () => {
    const { certificate } = await issueClientCertificate(ca, 'carol', ['a', 'b'], now);
    expect(new X509Certificate(certificate).subject.split('\n').sort()).toEqual(['CN=carol', 'O=a', 'O=b']);
  });

  it('are made anew in time, for other names, and by another authority', async () => {
    const pair = await issueServingCertificate(ca, names, now);
    expect(needsRenewal(pair, ca, names, now)).toBe(false);
    expect(needsRenewal(pair, ca, names, now + 200 * day)).toBe(false);
    expect(needsRenewal(pair, ca, names, now + 300 * day)).toBe(true);
    expect(needsRenewal(pair, ca, [...names, 'new-host'], now)).toBe(true);
    expect(needsRenewal(pair, ca, [...names, '10.0.0.7'], now)).toBe(true);
    expect(needsRenewal(pair, await createCertificateAuthority('other', now), names, now)).toBe(true);
    expect(needsRenewal({ certificate: 'garbage', key: '' }, ca, names, now)).toBe(true);
  });

  it('come with a key for tokens', async () => {
    expect(createPrivateKey(await createServiceAccountKey()).asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  });
});
