/**
 * Writes X.509 certificates (RFC 5280, section 4.1) that are signed with ECDSA and SHA-256. Here and not in a library, because
 * the libraries for it take longer to load than all the rest of a cluster takes to start.
 */
import { type KeyObject, type X509Certificate, createHash, randomBytes, sign } from 'node:crypto';
import { isIP, SocketAddress } from 'node:net';
import {
  bits,
  der,
  elements,
  implicit,
  integer,
  objectId,
  octets,
  sequence,
  tagged,
  time,
  truth,
  utf8,
} from './der.ts';

const day = 24 * 3600 * 1000;
const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'));

export interface Certificate {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  /** Of the issuer. */
  readonly signingKey: KeyObject;
  readonly now: number;
  readonly days: number;
  readonly extensions: readonly Buffer[];
}

/** PEM. */
export function certificatePem({ issuer, subject, publicKey, signingKey, now, days, extensions }: Certificate): string {
  const content = sequence(
    tagged(0, integer(2)),
    // Positive, and never of so many bytes that it would not be.
    der(0x02, Buffer.of(1), randomBytes(15)),
    ecdsaWithSha256,
    issuer,
    // From a little before now, for clocks that are slow.
    sequence(time(now - 3600 * 1000), time(now + days * day)),
    subject,
    publicDer(publicKey),
    tagged(3, sequence(...extensions)),
  );
  const whole = sequence(content, ecdsaWithSha256, bits(sign('sha256', content, signingKey)));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const critical = true;
const extension = (id: string, isCritical: boolean, value: Buffer): Buffer =>
  sequence(objectId(id), ...(isCritical ? [truth] : []), octets(value));
export const isAuthority = (yes: boolean): Buffer =>
  extension('2.5.29.19', critical, yes ? sequence(truth) : sequence());
export const digitalSignature = extension('2.5.29.15', critical, bits(Buffer.of(0b1000_0000), 7));
/** digitalSignature, keyCertSign and cRLSign. */
export const signsCertificates = extension('2.5.29.15', critical, bits(Buffer.of(0b1000_0110), 1));
export const extendedKeyUsage = (usage: string): Buffer => extension('2.5.29.37', !critical, sequence(objectId(usage)));
export const subjectKeyIdentifier = (key: KeyObject): Buffer =>
  extension('2.5.29.14', !critical, octets(keyIdentifier(key)));
export const authorityKeyIdentifier = (key: KeyObject): Buffer =>
  extension('2.5.29.35', !critical, sequence(implicit(0, keyIdentifier(key))));
/** Names of hosts and addresses. */
export const subjectAlternativeNames = (names: readonly string[]): Buffer =>
  extension('2.5.29.17', !critical, sequence(...names.map(generalName)));

const publicDer = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
/** Of the key's bits alone, without what says that it is one (RFC 5280, 4.2.1.2). */
function keyIdentifier(key: KeyObject): Buffer {
  const [, subjectPublicKey] = elements(elements(publicDer(key))[0]!.content);
  return createHash('sha1').update(subjectPublicKey!.content.subarray(1)).digest();
}

export const commonName = '2.5.4.3';
export const organization = '2.5.4.10';
export type DistinguishedName = readonly (readonly [type: string, value: string])[];
export const distinguishedName = (parts: DistinguishedName): Buffer =>
  sequence(...parts.map(([type, value]) => der(0x31, sequence(objectId(type), utf8(value)))));

/** The subject as it stands in a certificate: an issuer has to be named byte for byte alike. */
export function subjectOf(certificate: X509Certificate): Buffer {
  const [content] = elements(elements(certificate.raw)[0]!.content);
  const fields = elements(content!.content).filter(({ tag }) => tag !== 0xa0);
  return fields[4]!.whole;
}

const generalName = (name: string): Buffer =>
  isIP(name) ? implicit(7, addressBytes(name)) : implicit(2, Buffer.from(name));

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = new SocketAddress({ address, family: 'ipv6' }).address.split('::');
  const words = (text: string): number[] => text.split(':').filter(Boolean).flatMap(ipv6Words);
  const [before, after] = [words(head), words(tail ?? '')];
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

/** The last two words may be written as an IPv4 address. */
function ipv6Words(text: string): number[] {
  if (!text.includes('.')) return [Number.parseInt(text, 16)];
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [(a << 8) | b, (c << 8) | d];
}
