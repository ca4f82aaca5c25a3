/**
 * The cluster's own certificates: a CA, what the API server shows, what clients show, and the key that signs ServiceAccount
 * tokens. All PEM text; the caller keeps it (data directory, or a secret store).
 */
import { type KeyObject, X509Certificate, createPrivateKey, generateKeyPair } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import {
  type DistinguishedName,
  authorityKeyIdentifier,
  certificatePem,
  commonName,
  digitalSignature,
  distinguishedName,
  extendedKeyUsage,
  isAuthority,
  organization,
  signsCertificates,
  subjectAlternativeNames,
  subjectKeyIdentifier,
  subjectOf,
} from './x509.ts';

export interface KeyPair {
  /** PEM; for the serving certificate without the CA's. */
  readonly certificate: string;
  /** PKCS#8 PEM. */
  readonly key: string;
}

const day = 24 * 3600 * 1000;
const caDays = 3650;
const leafDays = 365;
/** Certificates are renewed when less than this is left of them. */
const renewDays = 90;

const newKeyPair = promisify(generateKeyPair);
const generate = (): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> =>
  newKeyPair('ec', { namedCurve: 'P-256' });
const privatePem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string;

export async function createCertificateAuthority(name: string, now: number): Promise<KeyPair> {
  const { publicKey, privateKey } = await generate();
  const subject = distinguishedName([[commonName, name]]);
  const extensions = [isAuthority(true), signsCertificates, subjectKeyIdentifier(publicKey)];
  const certificate = certificatePem({
    issuer: subject,
    subject,
    publicKey,
    signingKey: privateKey,
    now,
    days: caDays,
    extensions,
  });
  return { certificate, key: privatePem(privateKey) };
}

interface Leaf {
  readonly subject: DistinguishedName;
  readonly usage: string;
  readonly names: readonly string[];
}

async function issue(ca: KeyPair, { subject, usage, names }: Leaf, now: number): Promise<KeyPair> {
  const { publicKey, privateKey } = await generate();
  const authority = new X509Certificate(ca.certificate);
  const extensions = [
    isAuthority(false),
    digitalSignature,
    extendedKeyUsage(usage),
    authorityKeyIdentifier(authority.publicKey),
    ...(names.length === 0 ? [] : [subjectAlternativeNames(names)]),
  ];
  const certificate = certificatePem({
    issuer: subjectOf(authority),
    subject: distinguishedName(subject),
    publicKey,
    signingKey: createPrivateKey(ca.key),
    now,
    days: leafDays,
    extensions,
  });
  return { certificate, key: privatePem(privateKey) };
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
  const service = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${clusterDomain}`,
  ];
  return [...new Set(['localhost', '127.0.0.1', '::1', ...service, serviceIp, ...extra])];
}

export function issueServingCertificate(ca: KeyPair, names: readonly string[], now: number): Promise<KeyPair> {
  return issue(ca, { subject: [[commonName, 'kube-apiserver']], usage: serverAuth, names }, now);
}

/** A user with groups, as the API server reads them: common name and organizations. */
export function issueClientCertificate(
  ca: KeyPair,
  user: string,
  groups: readonly string[],
  now: number,
): Promise<KeyPair> {
  const organizations = groups.map((group) => [organization, group] as const);
  return issue(ca, { subject: [...organizations, [commonName, user]], usage: clientAuth, names: [] }, now);
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
