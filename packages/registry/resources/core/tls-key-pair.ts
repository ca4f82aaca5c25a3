import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { pemBlocks } from '../pem.ts';

const isKey = (type: string): boolean => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY');

/** What Go's tls.X509KeyPair says of a certificate and its key, both PEM; undefined where they fit. */
export function keyPairFault(certificate: string, key: string): string | undefined {
  const certificates = pemBlocks(certificate);
  const leaf = certificates.find(({ type }) => type === 'CERTIFICATE');
  if (!leaf) return certificateFault(certificates.map(({ type }) => type));
  const keys = pemBlocks(key);
  const found = keys.find(({ type }) => isKey(type));
  if (!found) return keyFault(keys.map(({ type }) => type));
  let certified: KeyObject;
  try {
    certified = new X509Certificate(leaf.text).publicKey;
  } catch {
    return 'x509: malformed certificate';
  }
  try {
    const own = createPublicKey(createPrivateKey(found.text));
    if (own.asymmetricKeyType !== certified.asymmetricKeyType)
      return 'tls: private key type does not match public key type';
    return own.equals(certified) ? undefined : 'tls: private key does not match public key';
  } catch {
    return 'tls: failed to parse private key';
  }
}

function certificateFault(skipped: readonly string[]): string {
  if (skipped.length === 0) return 'tls: failed to find any PEM data in certificate input';
  if (skipped.length === 1 && skipped[0]!.endsWith('PRIVATE KEY')) {
    return 'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched';
  }
  return `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [${skipped.join(' ')}]`;
}

function keyFault(skipped: readonly string[]): string {
  if (skipped.length === 0) return 'tls: failed to find any PEM data in key input';
  if (skipped.length === 1 && skipped[0] === 'CERTIFICATE')
    return 'tls: found a certificate rather than a key in the PEM for the private key';
  return `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [${skipped.join(' ')}]`;
}
