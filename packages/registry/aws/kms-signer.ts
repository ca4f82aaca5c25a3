/** Signs ServiceAccount tokens with a key that never leaves KMS. */
import { GetPublicKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { SigningAlgorithm, TokenSigner } from '../subresources/token-issuer.ts';
import { createPublicKey } from 'node:crypto';

const timeouts = { connectionTimeout: 1_000, requestTimeout: 3_000 };

/** `keyId`: ARN, id or alias of a key for signing, RSA_2048 or longer, or ECC_NIST_P256. */
export async function createKmsSigner(
  keyId: string,
  client: Pick<KMSClient, 'send'> = new KMSClient({ maxAttempts: 3, requestHandler: new NodeHttpHandler(timeouts) }),
): Promise<TokenSigner> {
  const { PublicKey: der, KeySpec } = await client.send(new GetPublicKeyCommand({ KeyId: keyId }));
  if (!der) throw new Error(`KMS has no public key for ${keyId}`);
  const publicKey = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
  const algorithm = algorithmOf(KeySpec ?? '');
  return {
    algorithm,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    async sign(data) {
      const { Signature } = await client.send(
        new SignCommand({
          KeyId: keyId,
          Message: data,
          MessageType: 'RAW',
          SigningAlgorithm: algorithm === 'RS256' ? 'RSASSA_PKCS1_V1_5_SHA_256' : 'ECDSA_SHA_256',
        }),
      );
      if (!Signature) throw new Error('KMS made no signature');
      return algorithm === 'RS256' ? Signature : joseSignature(Signature);
    },
  };
}

function algorithmOf(spec: string): SigningAlgorithm {
  if (/^RSA_\d+$/.test(spec)) return 'RS256';
  if (spec === 'ECC_NIST_P256') return 'ES256';
  throw new Error(`the signing key is ${spec}; it must be RSA or ECC_NIST_P256`);
}

const numberBytes = 32;

/** From two DER integers to two numbers of 32 bytes, one after the other. */
export function joseSignature(der: Uint8Array): Uint8Array {
  const out = new Uint8Array(2 * numberBytes);
  // SEQUENCE and its length: one byte each, for P-256.
  let at = 2;
  for (const end of [numberBytes, 2 * numberBytes]) {
    const length = der[at + 1];
    if (der[0] !== 0x30 || der[at] !== 0x02 || length === undefined || length > numberBytes + 1)
      throw new Error('KMS made a signature that is no ECDSA signature');
    const number = der.subarray(at + 2, at + 2 + length);
    const digits = number.subarray(Math.max(0, length - numberBytes));
    out.set(digits, end - digits.length);
    at += 2 + length;
  }
  return out;
}
