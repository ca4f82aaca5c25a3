import type { KMSClient } from '@aws-sdk/client-kms';
import { createKmsSigner, joseSignature } from '@nodeless/registry/aws/kms-signer';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createTokenIssuer, loadServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import { jwtVerify } from 'jose';
import { type KeyObject, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';

/** KMS with one key: ECDSA signatures come in DER. */
function kms(keys: { publicKey: KeyObject; privateKey: KeyObject }, spec: string): Pick<KMSClient, 'send'> {
  const send = (command: { constructor: { name: string }; input: { Message?: Uint8Array } }): Promise<object> =>
    Promise.resolve(
      command.constructor.name === 'GetPublicKeyCommand'
        ? { PublicKey: keys.publicKey.export({ type: 'spki', format: 'der' }), KeySpec: spec }
        : { Signature: sign('sha256', command.input.Message as Uint8Array, keys.privateKey) },
    );
  return { send } as unknown as Pick<KMSClient, 'send'>;
}
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

describe('createKmsSigner', () => {
  it.each([
    ['RSA_2048', rsa, 'RS256'],
    ['ECC_NIST_P256', ec, 'ES256'],
  ] as const)('signs tokens that verify: %s', async (spec, pair, algorithm) => {
    const clock = createManualClock();
    const keys = await loadServiceAccountKeys(await createKmsSigner('key', kms(pair, spec)));
    expect(keys.algorithm).toBe(algorithm);
    const issuer = createTokenIssuer({ keys, issuer: 'https://cluster', audiences: ['https://cluster'], clock });
    const { token } = await issuer.issue({
      namespace: 'default',
      serviceAccount: { name: 'builder', uid: '1' },
      audiences: [],
      expirationSeconds: 600,
    } as unknown as Parameters<typeof issuer.issue>[0]);
    const { payload, protectedHeader } = await jwtVerify(token, keys.verify, { currentDate: new Date(clock.now()) });
    expect(protectedHeader).toEqual({ alg: algorithm, kid: keys.keyId });
    expect(payload).toMatchObject({ iss: 'https://cluster', sub: 'system:serviceaccount:default:builder' });
  });
  it('refuses keys of other kinds', async () => {
    await expect(createKmsSigner('key', kms(ec, 'ECC_SECG_P256K1'))).rejects.toThrow(
      'the signing key is ECC_SECG_P256K1',
    );
  });
});

describe('joseSignature', () => {
  const integer = (bytes: number[]): number[] => [2, bytes.length, ...bytes];
  const der = (r: number[], s: number[]): Uint8Array => {
    const content = [...integer(r), ...integer(s)];
    return Uint8Array.from([0x30, content.length, ...content]);
  };
  const filled = (first: number, length: number): number[] => [first, ...Array.from({ length: length - 1 }, () => 7)];
  it.each([
    ['full numbers', filled(1, 32), filled(2, 32), [filled(1, 32), filled(2, 32)]],
    ['a sign byte', [0, ...filled(0x80, 32)], filled(2, 32), [filled(0x80, 32), filled(2, 32)]],
    [
      'short numbers',
      [5],
      filled(2, 31),
      [
        [...Array.from({ length: 31 }, () => 0), 5],
        [0, ...filled(2, 31)],
      ],
    ],
  ])('pads %s', (_, r, s, expected) => {
    expect([...joseSignature(der(r, s))]).toEqual(expected.flat());
  });
  it.each([
    ['no sequence', [1, 2, 3]],
    ['a number too long', [0x30, 70, 2, 34, ...filled(1, 34)]],
    ['nothing', []],
  ])('refuses %s', (_, bytes) => {
    expect(() => joseSignature(Uint8Array.from(bytes))).toThrow('no ECDSA signature');
  });
});
