/** The cluster's keys and certificates: read from its folder, made or renewed where they are missing or nearly over. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createCertificateAuthority,
  createServiceAccountKey,
  issueClientCertificate,
  issueServingCertificate,
  type KeyPair,
  needsRenewal,
} from './certificates.ts';
import { type DataDir, writePrivate } from './data-dir.ts';

export interface ClusterIdentity {
  readonly ca: KeyPair;
  readonly serving: KeyPair;
  /** Of system:masters. */
  readonly admin: KeyPair;
  /** PKCS#8 PEM. */
  readonly serviceAccountKey: string;
  /** A token of system:masters, for clients that have no certificate: curl. */
  readonly bootstrapToken: string;
}

export async function loadIdentity(
  dataDir: DataDir,
  servingNames: readonly string[],
  now: number,
): Promise<ClusterIdentity> {
  const pairIn = (name: string): KeyPair | undefined => {
    const [certificate, key] = [join(dataDir.pki, `${name}.crt`), join(dataDir.pki, `${name}.key`)];
    return existsSync(certificate) && existsSync(key)
      ? { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') }
      : undefined;
  };
  const keep = (name: string, pair: KeyPair): KeyPair => {
    writePrivate(join(dataDir.pki, `${name}.key`), pair.key);
    writePrivate(join(dataDir.pki, `${name}.crt`), pair.certificate);
    return pair;
  };
  const text = async (name: string, create: () => string | Promise<string>): Promise<string> => {
    const path = join(dataDir.pki, name);
    if (existsSync(path)) return readFileSync(path, 'utf8');
    const made = await create();
    writePrivate(path, made);
    return made;
  };

  const ca = pairIn('ca') ?? keep('ca', await createCertificateAuthority(`nodeless ${dataDir.clusterId}`, now));
  const current = (name: string, names: readonly string[]): KeyPair | undefined => {
    const pair = pairIn(name);
    return pair && !needsRenewal(pair, ca, names, now) ? pair : undefined;
  };
  const [serving, admin, serviceAccountKey, bootstrapToken] = await Promise.all([
    current('apiserver', servingNames) ??
      issueServingCertificate(ca, servingNames, now).then((pair) => keep('apiserver', pair)),
    current('admin', []) ??
      issueClientCertificate(ca, 'kubernetes-admin', ['system:masters'], now).then((pair) => keep('admin', pair)),
    text('service-accounts.key', createServiceAccountKey),
    text('token', () => randomBytes(24).toString('hex')),
  ]);
  return { ca, serving, admin, serviceAccountKey, bootstrapToken };
}
