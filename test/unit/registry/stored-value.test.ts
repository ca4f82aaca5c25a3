import { describe, expect, test } from 'vitest';
import { typeForKind } from '@nodeless/apimachinery/schema';
import {
  atRevision,
  draftOf,
  draftSize,
  isUnchanged,
  itemOffsetOf,
  jsonOf,
  objectOf,
  sealDraft,
} from '@nodeless/registry/stored-value';

const type = typeForKind('', 'v1', 'ConfigMap');
const object = () => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name: 'a', namespace: 'default' },
  data: { ö: '✓' },
});
const revision = 1_985_432_518_656_001;

describe('a stored value', () => {
  test('is the wire JSON behind a header, its revision in place', () => {
    const value = sealDraft(draftOf(object(), type), object(), revision);
    const text = Buffer.from(jsonOf(value)).toString();
    expect(text).toBe(
      `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"default","resourceVersion":"${revision}"},"data":{"ö":"✓"}}`,
    );
    expect(Buffer.from(jsonOf(value)).subarray(itemOffsetOf(value)).toString().startsWith('"metadata":{')).toBe(true);
    expect(draftSize(draftOf(object(), type))).toBe(Buffer.byteLength(text));
  });

  test('is read back when only its bytes are left', () => {
    const value = sealDraft(draftOf(object(), type), object(), revision);
    const restored = { bytes: Uint8Array.from(value.bytes) };
    expect(objectOf(restored)).toMatchObject({ data: { ö: '✓' }, metadata: { resourceVersion: String(revision) } });
    expect(objectOf(restored)).toBe(objectOf(restored));
    expect(Object.isFrozen(objectOf(restored).metadata)).toBe(true);
  });

  test('is sealed again where another writer took the revision', () => {
    const [draft, sealed] = [draftOf(object(), type), object()];
    sealDraft(draft, sealed, revision);
    const again = sealDraft(draft, sealed, revision + 7);
    expect(objectOf(again)).toMatchObject({ metadata: { name: 'a', resourceVersion: String(revision + 7) } });
    expect(objectOf({ bytes: again.bytes })).toEqual(objectOf(again));
    expect(Object.isFrozen(objectOf(again).metadata)).toBe(true);
  });

  test('at another revision is a copy', () => {
    const value = sealDraft(draftOf(object(), type), object(), revision);
    for (const stored of [value, { bytes: value.bytes }]) {
      const later = atRevision(stored, revision + 5);
      expect(objectOf(later)).toEqual({
        ...objectOf(value),
        metadata: { ...objectOf(value).metadata, resourceVersion: String(revision + 5) },
      });
      expect(JSON.parse(Buffer.from(jsonOf(later)).toString())).toMatchObject({
        metadata: { resourceVersion: String(revision + 5) },
      });
    }
    expect(objectOf(value).metadata?.resourceVersion).toBe(String(revision));
  });

  test('tells a draft that changes nothing', () => {
    const value = sealDraft(draftOf(object(), type), object(), revision);
    expect(isUnchanged(draftOf(object(), type), value)).toBe(true);
    expect(isUnchanged(draftOf({ ...object(), data: { ö: '✗' } }, type), value)).toBe(false);
    expect(isUnchanged(draftOf({ ...object(), metadata: { name: 'b', namespace: 'default' } }, type), value)).toBe(
      false,
    );
  });

  test('of an unknown format is refused', () => {
    expect(() => jsonOf({ bytes: Buffer.from('{"kind":"ConfigMap"}') })).toThrow(/unknown format/);
  });
});
