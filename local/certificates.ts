/**
 * The cluster's own certificates: a CA, what the API server shows, what clients show, and the key that signs ServiceAccount
 * tokens. All PEM text; the caller keeps it (data directory, or a secret store).
 */
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { X509Certificate, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

export interface KeyPair {
  /** PEM; for the serving certificate without the CA's. */
  readonly certificate: string;
  /** PKCS#8 PEM. */
  readonly key: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 24 * 3600 * 1000;
const caDays = 3650;
const leafDays = 365;
/** Certificates are renewed when less than this is left of them. */
const renewDays = 90;

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);

const generate = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

const importKey = (pem: string): Promise<webcrypto.CryptoKey> => {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
};

/** Positive, and never of so many bytes that it would not be. */
const serialNumber = (): string => `01${randomBytes(15).toString('hex')}`;

/** `now` in milliseconds. A little before it, for clocks that are slow. */
const validity = (now: number, days: number) => ({ notBefore: new Date(now - 3600 * 1000), notAfter: new Date(now + days * day) });

const pem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`;

export async function createCertificateAuthority(commonName: string, now: number): Promise<KeyPair> {
  const keys = await generate();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    ...validity(now, caDays),
    signingAlgorithm: algorithm,
    keys: keys as unknown as CryptoKeyPair,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as unknown as CryptoKey),
    ],
  });
  return { certificate: pem(certificate), key: await privatePem(keys.privateKey) };
}

/** The global types of WebCrypto, which @peculiar/x509 is written against. */
type CryptoKey = webcrypto.CryptoKey;
type CryptoKeyPair = webcrypto.CryptoKeyPair;

interface Leaf {
  readonly subject: x509.JsonName;
  readonly usage: string;
  readonly names: readonly string[];
}

async function issue(ca: KeyPair, leaf: Leaf, now: number): Promise<KeyPair> {
  const keys = await generate();
  const issuer = new x509.X509Certificate(ca.certificate);
  const names = leaf.names.map((value): x509.JsonGeneralName => ({ type: isIP(value) ? 'ip' : 'dns', value }));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: leaf.subject,
    issuer: issuer.subjectName,
    ...validity(now, leafDays),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey as unknown as CryptoKey,
    signingKey: (await importKey(ca.key)) as unknown as CryptoKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([leaf.usage]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ],
  });
  return { certificate: pem(certificate), key: await privatePem(keys.privateKey) };
}

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

export interface ServingNames {
  /** `cluster.local` */
  readonly clusterDomain: string;
  /** The ClusterIP of kubernetes.default. */
  readonly serviceIp: string;
  /** Names and addresses of this machine that clients may use. */
  readonly extra: readonly string[];
}

/** Everything that the API server is called. */
export function servingNames({ clusterDomain, serviceIp, extra }: ServingNames): string[] {
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${clusterDomain}`];
  return [...new Set(['localhost', '127.0.0.1', '::1', ...service, serviceIp, ...extra])];
}

export function issueServingCertificate(ca: KeyPair, names: readonly string[], now: number): Promise<KeyPair> {
  return issue(ca, { subject: [{ CN: ['kube-apiserver'] }], usage: serverAuth, names }, now);
}

/** A user with groups, as the API server reads them: common name and organizations. */
export function issueClientCertificate(ca: KeyPair, user: string, groups: readonly string[], now: number): Promise<KeyPair> {
  const organizations = groups.map((group) => ({ O: [group] }));
  return issue(ca, { subject: [...organizations, { CN: [user] }], usage: clientAuth, names: [] }, now);
}

/** Whether a certificate has to be made anew: nearly over, not the CA's, or lacking one of the names. */
export function needsRenewal(pair: KeyPair, ca: KeyPair, names: readonly string[], now: number): boolean {
  try {
    const certificate = new X509Certificate(pair.certificate);
    const authority = new X509Certificate(ca.certificate);
    if (Date.parse(certificate.validTo) < now + renewDays * day) return true;
    if (!certificate.verify(authority.publicKey)) return true;
    return names.some((name) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) === undefined);
  } catch {
    return true;
  }
}

/** The key that signs ServiceAccount tokens: ECDSA P-256, PKCS#8 PEM. */
export async function createServiceAccountKey(): Promise<string> {
  return privatePem((await generate()).privateKey);
}
