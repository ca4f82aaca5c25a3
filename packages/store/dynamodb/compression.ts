import { brotliCompressSync, brotliDecompressSync, constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { dictionary } from './dictionary.ts';

const plain = 0;
const brotli = 1;
const withDictionary = 2;
/** Below this, the frame costs what compression wins. */
const smallest = 32;
/** Above this, what the dictionary says is little of the whole, and brotli is better at the rest. */
const dictionaryBytes = 16_384;

/**
 * A form byte and the body, smaller where it can be. Write units are counted by the kilobyte and are most of what a change
 * costs: with the dictionary a pod with its status takes half of one, and two kilobytes without.
 */
export function compress(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength < smallest) return framed(plain, bytes);
  const small = bytes.byteLength <= dictionaryBytes;
  const packed = small ? deflateRawSync(bytes, { dictionary, level: 9 }) : packedLarge(bytes);
  return packed.byteLength < bytes.byteLength ? framed(small ? withDictionary : brotli, packed) : framed(plain, bytes);
}

function packedLarge(bytes: Uint8Array): Buffer {
  return brotliCompressSync(bytes, {
    params: {
      // A higher quality wins a few percent and costs ten times the time.
      [constants.BROTLI_PARAM_QUALITY]: 4,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
    },
  });
}

function framed(form: number, bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.byteLength + 1);
  result[0] = form;
  result.set(bytes, 1);
  return result;
}

export function decompress(bytes: Uint8Array): Uint8Array {
  const content = bytes.subarray(1);
  switch (bytes[0]) {
    case plain:
      return content;
    case brotli:
      return brotliDecompressSync(content);
    case withDictionary:
      return inflateRawSync(content, { dictionary });
    default:
      throw new RangeError(`a body in the unknown form ${bytes[0]}`);
  }
}
