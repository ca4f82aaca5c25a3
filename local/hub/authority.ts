import type { ClusterParameters } from '@nodeless/component-base/aws/cluster-parameters';
import { createCertificateAuthority, type KeyPair } from '../certificates.ts';

/** The cluster's parameters, with what a process of the cluster adds to them. */
export interface SecretParameters extends ClusterParameters {
  /** Replaces what is there. */
  put(name: string, value: string): Promise<void>;
  /** Kept encrypted. False where there is one already: it stays. */
  putSecret(name: string, value: string): Promise<boolean>;
}

const name = 'hub-authority';

/** The authority that kubeconfigs trust: made once in the cluster's life, whichever process is the first to want it. */
export async function loadAuthority(parameters: SecretParameters, commonName: string, now: number): Promise<KeyPair> {
  const known = await parameters.get(name, 0);
  if (known !== undefined) return parse(known);
  const made = await createCertificateAuthority(commonName, now);
  if (await parameters.putSecret(name, JSON.stringify(made))) return made;
  const theirs = await parameters.get(name, 0);
  if (theirs === undefined) throw new Error(`the parameter ${name} can be neither made nor read`);
  return parse(theirs);
}

function parse(text: string): KeyPair {
  const { certificate, key } = JSON.parse(text) as Partial<KeyPair>;
  if (typeof certificate !== 'string' || typeof key !== 'string')
    throw new Error(`the parameter ${name} holds no certificate with its key`);
  return { certificate, key };
}
