import { createHash } from 'node:crypto';
import { compress, decompress } from '@nodeless/store/dynamodb/compression';
import { dictionary } from '@nodeless/store/dynamodb/dictionary';
import { describe, expect, it } from 'vitest';

const text = (length: number): Buffer =>
  Buffer.alloc(length, '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}}');

describe('the form of bodies', () => {
  it('the dictionary is the one that bodies were written with', () => {
    // Never to be changed here: a better dictionary gets another form byte.
    expect(createHash('sha256').update(dictionary).digest('hex')).toBe(
      'b95136c608a2a38198c360dec3d34956d146fd4ba9df0b55b8b678a47cd50452',
    );
  });

  it.each([
    [0, 0],
    [31, 0],
    [60, 2],
    [16_384, 2],
    [16_385, 1],
    [1_000_000, 1],
  ])('%i bytes of text come back, in form %i', (length, form) => {
    const packed = compress(text(length));
    expect(packed[0]).toBe(form);
    expect(Buffer.compare(decompress(packed), text(length))).toBe(0);
    expect(packed.byteLength).toBeLessThanOrEqual(length + 1);
  });

  it('what does not become smaller is kept as it is', () => {
    const noise = createHash('sha512').update('noise').digest();
    expect(compress(noise)).toHaveLength(65);
    expect(Buffer.compare(decompress(compress(noise)), noise)).toBe(0);
  });

  it('a form of a later version is told, not misread', () => {
    expect(() => decompress(new Uint8Array([9, 1, 2]))).toThrow(RangeError);
  });
});
