/** PKCS #10: just enough of DER to find what was signed, by which key, and the signature. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { pemBlocks } from '../pem.ts';

interface Element {
  readonly tag: number;
  /** With tag and length. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

const sequence = 0x30;
const bitString = 0x03;
const objectIdentifier = 0x06;

/** Object identifiers of signatures, as their bytes in hex. */
const algorithms: Readonly<Record<string, readonly [family: string, hash?: string]>> = {
  '2a864886f70d010105': ['rsa', 'sha1'],
  '2a864886f70d01010b': ['rsa', 'sha256'],
  '2a864886f70d01010c': ['rsa', 'sha384'],
  '2a864886f70d01010d': ['rsa', 'sha512'],
  '2a8648ce3d0401': ['ec', 'sha1'],
  '2a8648ce3d040302': ['ec', 'sha256'],
  '2a8648ce3d040303': ['ec', 'sha384'],
  '2a8648ce3d040304': ['ec', 'sha512'],
  '2b6570': ['ed25519'],
};
const failures: Readonly<Record<string, string>> = {
  rsa: 'crypto/rsa: verification error',
  ec: 'x509: ECDSA verification failure',
  ed25519: 'x509: Ed25519 verification failure',
};

/** What is wrong with a certificate request in PEM; undefined where it is signed with its own key. */
export function signingRequestFault(pem: string): string | undefined {
  const block = pemBlocks(pem)[0];
  if (block?.type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  const parts = partsOf(block.bytes);
  if (typeof parts === 'string') return parts;
  const [family, hash] = algorithms[parts.algorithm] ?? [''];
  if (!family) return 'x509: cannot verify signature: algorithm unimplemented';
  if (parts.key.asymmetricKeyType !== family) return 'x509: signature algorithm does not match the public key';
  return verify(hash ?? null, parts.signed, parts.key, parts.signature) ? undefined : failures[family];
}

interface Parts {
  readonly signed: Buffer;
  readonly signature: Buffer;
  readonly algorithm: string;
  readonly key: KeyObject;
}

function partsOf(der: Buffer): Parts | string {
  const fault = outerFault(der);
  if (fault !== undefined) return fault;
  const [info, algorithm, signature] = members(read(der, 0)!.content);
  if (!info || !algorithm || !signature) return 'asn1: syntax error: sequence truncated';
  const key = members(info.content)[2];
  const identifier = read(algorithm.content, 0);
  if (!key || signature.tag !== bitString || identifier?.tag !== objectIdentifier)
    return "asn1: structure error: tags don't match";
  try {
    return {
      signed: info.whole,
      // The first byte counts bits that are not used.
      signature: signature.content.subarray(1),
      algorithm: identifier.content.toString('hex'),
      key: createPublicKey({ key: key.whole, format: 'der', type: 'spki' }),
    };
  } catch {
    return 'x509: failed to parse public key';
  }
}

/** What Go's encoding/asn1 says of bytes that are not one sequence. */
function outerFault(der: Buffer): string | undefined {
  const [tag, short] = der;
  if (tag === undefined) return 'asn1: syntax error: sequence truncated';
  if (short === undefined) return 'asn1: syntax error: truncated tag or length';
  const outer = read(der, 0);
  if (tag !== sequence) {
    const found = `{class:${tag >> 6} tag:${tag & 0x1f} length:${outer?.content.length ?? short} isCompound:${(tag & 0x20) !== 0}}`;
    const wanted =
      '{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false}';
    return `asn1: structure error: tags don't match (16 vs ${found}) ${wanted} certificateRequest @2`;
  }
  if (!outer) return 'asn1: syntax error: data truncated';
  return outer.whole.length < der.length ? 'asn1: syntax error: trailing data' : undefined;
}

function members(content: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < content.length;) {
    const element = read(content, at);
    if (!element) break;
    found.push(element);
    at += element.whole.length;
  }
  return found;
}

function read(bytes: Buffer, at: number): Element | undefined {
  const tag = bytes[at];
  const short = bytes[at + 1];
  if (tag === undefined || short === undefined) return undefined;
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
  const start = at + 2 + lengthBytes;
  if (lengthBytes > 4 || start > bytes.length) return undefined;
  const length = lengthBytes === 0 ? short : bytes.readUIntBE(at + 2, lengthBytes);
  if (start + length > bytes.length) return undefined;
  return { tag, whole: bytes.subarray(at, start + length), content: bytes.subarray(start, start + length) };
}
