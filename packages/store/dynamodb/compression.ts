import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

const plain = 0;
const brotli = 1;
/** Below this, the frame costs what compression wins. */
const smallest = 128;

/** A form byte and the body, smaller where it can be. */
export function compress(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength >= smallest) {
    const packed = brotliCompressSync(bytes, {
      params: {
        // Write units are counted by the kilobyte; a higher quality wins a few percent and costs ten times the time.
        [constants.BROTLI_PARAM_QUALITY]: 4,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
      },
    });
    if (packed.byteLength < bytes.byteLength) return framed(brotli, packed);
  }
  return framed(plain, bytes);
}

function framed(form: number, bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.byteLength + 1);
  result[0] = form;
  result.set(bytes, 1);
  return result;
}

export function decompress(bytes: Uint8Array): Uint8Array {
  const content = bytes.subarray(1);
  if (bytes[0] === brotli) return brotliDecompressSync(content);
  if (bytes[0] === plain) return content;
  throw new RangeError(`a body in the unknown form ${bytes[0]}`);
}
