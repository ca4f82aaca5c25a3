import { der, elements, objectId, time } from '@nodeless/local/der';
import { subjectAlternativeNames } from '@nodeless/local/x509';
import { describe, expect, it } from 'vitest';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('DER', () => {
  it.each([
    [0, '0400'],
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [70_000, '0483011170'],
  ])('says that %d bytes follow', (length, head) => {
    const element = der(0x04, Buffer.alloc(length, 0x2a));
    expect(hex(element).slice(0, head.length)).toBe(head);
    expect(elements(element)).toEqual([{ tag: 4, whole: element, content: Buffer.alloc(length, 0x2a) }]);
  });

  it.each([
    ['2.5.29.15', '0603551d0f'],
    ['1.2.840.10045.4.3.2', '06082a8648ce3d040302'],
    ['1.3.6.1.5.5.7.3.1', '06082b06010505070301'],
  ])('writes the object identifier %s', (id, bytes) => expect(hex(objectId(id))).toBe(bytes));

  it.each([
    ['2026-06-01T02:03:04.567Z', '\x17\x0d260601020304Z'],
    ['2049-12-31T23:59:59Z', '\x17\x0d491231235959Z'],
    ['2050-01-01T00:00:00Z', '\x18\x0f20500101000000Z'],
  ])('writes the time %s', (text, bytes) => expect(time(Date.parse(text)).toString('latin1')).toBe(bytes));

  it('finds what is cut off', () => {
    expect(() => elements(Buffer.from('040501', 'hex'))).toThrow('cut off');
  });
});

describe('names of a certificate', () => {
  it.each([
    ['10.96.0.1', '87040a600001'],
    ['::1', `8710${'00'.repeat(15)}01`],
    ['fd00::1:2', `8710fd00${'00'.repeat(10)}00010002`],
    ['::ffff:10.0.0.1', `8710${'00'.repeat(10)}ffff0a000001`],
    ['1:2:3:4:5:6:7:8', '871000010002000300040005000600070008'],
    ['host', '8204686f7374'],
  ])('%s', (name, bytes) => expect(hex(subjectAlternativeNames([name]))).toContain(bytes));
});
