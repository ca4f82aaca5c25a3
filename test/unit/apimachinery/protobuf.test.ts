import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeObject } from '@nodeless/apimachinery/decode/decode';
import { encodeText } from '@nodeless/apimachinery/encode';
import { parseJson } from '@nodeless/apimachinery/json';
import {
  decodeEnvelope,
  decodeProtobuf,
  encodeProtobuf,
  isProtobuf,
  ProtobufError,
} from '@nodeless/apimachinery/protobuf/protobuf';
import {
  createCursor,
  readBool,
  readDouble,
  readInt32,
  readInt64,
  readString,
  readTag,
  readVarint,
} from '@nodeless/apimachinery/protobuf/reader';
import { createProtoWriter } from '@nodeless/apimachinery/protobuf/writer';
import { typeOf } from '@nodeless/apimachinery/schema';
import fixtures from '../../fixtures/protobuf.json' with { type: 'json' };

const canonical = (data: Uint8Array) => {
  const { object, type } = decodeProtobuf(data);
  return { object: decodeObject(object, type).object, type };
};
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
/** A ConfigMap whose own message is these bytes. */
const configMap = (raw: Uint8Array) => {
  const writer = createProtoWriter();
  writer.bytes(2, raw);
  writer.message(1, () => {
    writer.string(2, 'ConfigMap');
    writer.string(1, 'v1');
  });
  writer.raw(Buffer.from('k8s\0'));
  return writer.finish();
};

describe('what client-go sends', () => {
  const cases = fixtures.map(({ json, protobuf }) => ({
    json,
    protobuf,
    kind: (JSON.parse(json) as { kind: string }).kind,
  }));

  it.each(cases)('$kind is read as its JSON', ({ json, protobuf }) => {
    const { object, type } = canonical(Buffer.from(protobuf, 'base64'));
    expect(encodeText(object, type)).toBe(json);
  });

  it.each(cases)('$kind is written as its protobuf', ({ json, protobuf }) => {
    const { type } = decodeProtobuf(Buffer.from(protobuf, 'base64'));
    const object = decodeObject(parseJson(json).value, type).object;
    expect(Buffer.from(encodeProtobuf(object)).toString('base64')).toBe(protobuf);
  });
});

describe('the envelope', () => {
  it.each([
    ['', 'empty data'],
    ['7b7d', 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]'],
    ['6b387300', 'empty body'],
    ['6b387300 0a', 'unexpected EOF'],
    ['6b387300 0a05 01', 'unexpected EOF'],
    ['6b387300 0a04 0a00 1200', `Object 'Kind' is missing in 'runtime.TypeMeta{APIVersion:"", Kind:""}'`],
    ['6b387300 0a05 1203 506f64', `Object 'apiVersion' is missing in 'runtime.TypeMeta{APIVersion:"", Kind:"Pod"}'`],
    [
      '6b387300 0a08 0a0176 1203 506f64',
      'no kind "Pod" is registered for version "v" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    ],
  ])('%s: %s', (bytes, message) => {
    expect(() => decodeProtobuf(hex(bytes))).toThrow(new ProtobufError(message));
  });

  it('takes what it does not say from what is expected', () => {
    const data = hex('6b387300 0a04 0a00 1200 1202 1200');
    expect(decodeProtobuf(data, { group: '', version: 'v1', kind: 'ConfigMap' }).object).toEqual({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      data: { '': '' },
    });
    expect(decodeProtobuf(hex('6b387300 0a05 1203 506f64'), { group: '', version: 'v1', kind: 'Node' }).gvk.kind).toBe(
      'Pod',
    );
  });

  it('is told by its magic', () => {
    expect(isProtobuf(hex('6b38730001'))).toBe(true);
    expect(isProtobuf(hex('6b3873'))).toBe(false);
    expect(decodeEnvelope(configMap(hex('0a00'))).kind).toBe('ConfigMap');
  });
});

describe('a message', () => {
  const read = (raw: string) => decodeProtobuf(configMap(hex(raw))).object;

  it.each([
    ['no entry value', '1203 0a0161', { data: { a: '' } }],
    ['no entry key', '1203 120162', { data: { '': 'b' } }],
    ['the last entry of a key wins', '1206 0a0161 120162 1206 0a0161 120163', { data: { a: 'c' } }],
    ['an entry with another field', '1208 0a0161 120162 1801', { data: { a: 'b' } }],
    ['bytes', '1a07 0a0161 120200ff', { binaryData: { a: 'AP8=' } }],
    ['a false that is there', '2000', { immutable: false }],
    ['any integer but zero is true', '2002', { immutable: true }],
    ['a message in two parts', '0a03 0a0161 0a03 1a0162', { metadata: { name: 'a', namespace: 'b' } }],
    [
      'unknown fields of every wire type',
      'f80101 f9010102030405060708 fa0101ff fd0101020304 2001',
      { immutable: true },
    ],
    ['an unknown group', 'fb01 0801 fb01 fc01 fc01 2001', { immutable: true }],
    ['text that is not UTF-8', '1206 0a01ff 1201fe', { data: { '\ufffd': '\ufffd' } }],
  ])('has %s', (_, raw, fields) => {
    expect(read(raw)).toEqual({ kind: 'ConfigMap', apiVersion: 'v1', ...fields });
  });

  it.each([
    ['cut off in a tag', '92', 'unexpected EOF'],
    ['cut off in a length', '1280', 'unexpected EOF'],
    ['longer than its bytes', '1205 0a', 'unexpected EOF'],
    ['a varint of eleven bytes', '20 ffffffffffffffffffff01', 'proto: integer overflow'],
    ['a negative length', '12 ffffffffffffffffff01', 'proto: negative length found during unmarshaling'],
    ['the wrong wire type', '1001', 'proto: wrong wireType = 0 for field Data'],
    ['field number 0', '0201', 'proto: ConfigMap: illegal tag 0 (wire type 2)'],
    ['the end of no group', '0c', 'proto: ConfigMap: wiretype end group for non-group'],
    ['an illegal wire type', 'ff01', 'proto: illegal wireType 7'],
    ['an open group', 'fb01', 'unexpected EOF'],
  ])('is refused: %s', (_, raw, message) => {
    expect(() => read(raw)).toThrow(new ProtobufError(message));
  });

  it('keeps a key from becoming a prototype', () => {
    const { data } = read('120e 0a095f5f70726f746f5f5f 120178') as { data: object };
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    expect(Object.entries(data)).toEqual([['__proto__', 'x']]);
  });

  it('reads repeated numbers packed and one by one', () => {
    const raw = (text: string) => {
      const writer = createProtoWriter();
      writer.bytes(2, hex(text));
      writer.message(1, () => {
        writer.string(2, 'Pod');
        writer.string(1, 'v1');
      });
      writer.raw(Buffer.from('k8s\0'));
      return decodeProtobuf(writer.finish()).object;
    };
    // spec.securityContext.supplementalGroups = 4 of PodSecurityContext
    const field = typeOf('io.k8s.api.core.v1.PodSecurityContext').field('supplementalGroups');
    expect(field?.proto?.number).toBe(4);
    for (const groups of ['2001 2080 01', '2203 0180 01']) {
      const size = hex(groups).length;
      const context = `72 0${size} ${groups}`;
      expect(raw(`12 0${size + 2} ${context}`)).toMatchObject({
        spec: { securityContext: { supplementalGroups: [1, 128] } },
      });
    }
  });

  it('refuses nesting that would end the stack', () => {
    const number = (model: string, field: string) =>
      typeOf(`io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.${model}`).field(field)!.proto!.number;
    const not = number('JSONSchemaProps', 'not');
    const writer = createProtoWriter();
    const nested = (left: number): void => {
      if (left > 0) writer.message(not, () => nested(left - 1));
    };
    const path = [
      2,
      number('CustomResourceDefinition', 'spec'),
      number('CustomResourceDefinitionSpec', 'versions'),
      number('CustomResourceDefinitionVersion', 'schema'),
      number('CustomResourceValidation', 'openAPIV3Schema'),
    ];
    path.reduceRight(
      (inner, field) => () => writer.message(field, inner),
      () => nested(3000),
    )();
    writer.message(1, () => {
      writer.string(2, 'CustomResourceDefinition');
      writer.string(1, 'apiextensions.k8s.io/v1');
    });
    writer.raw(Buffer.from('k8s\0'));
    const data = writer.finish();
    expect(() => decodeProtobuf(data)).toThrow(new ProtobufError('proto: exceeded max depth'));
  });

  it('only ever fails with a ProtobufError', () => {
    const bytes = fixtures.map((f) => Buffer.from(f.protobuf, 'base64'));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(), fc.nat(255), (which, at, value) => {
        const data = Buffer.from(bytes[which]!);
        data[4 + (at % (data.length - 4))] = value;
        try {
          decodeProtobuf(data);
        } catch (error) {
          if (!(error instanceof ProtobufError) && (error as Error).name !== 'JsonSyntaxError') throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the wire format', () => {
  const roundTrip = <T>(
    write: (w: ReturnType<typeof createProtoWriter>) => void,
    read: (c: ReturnType<typeof createCursor>) => T,
  ) => {
    const writer = createProtoWriter(1);
    write(writer);
    const cursor = createCursor(writer.finish());
    readTag(cursor, 'M');
    const value = read(cursor);
    expect(cursor.at).toBe(cursor.end);
    return value;
  };

  it('keeps integers', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
        fc.integer({ min: 1, max: 5000 }),
        (value, number) => {
          expect(BigInt(roundTrip((w) => w.varint(number, value), readInt64))).toBe(value);
        },
      ),
    );
    fc.assert(
      fc.property(fc.integer(), (value) => void expect(roundTrip((w) => w.varint(1, value), readInt32)).toBe(value)),
    );
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        (value) => void expect(roundTrip((w) => w.varint(1, value), readVarint)).toBe(value),
      ),
    );
  });

  it('keeps text, numbers and booleans', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        (value) => void expect(roundTrip((w) => w.string(3, value), readString)).toBe(value.toWellFormed()),
      ),
    );
    fc.assert(
      fc.property(
        fc.double({ noNaN: true }),
        (value) => void expect(roundTrip((w) => w.double(3, value), readDouble)).toBe(value),
      ),
    );
    expect(roundTrip((w) => w.varint(3, 1), readBool)).toBe(true);
  });

  it.each([
    [1, '0801'],
    [300, '08ac02'],
    [-1, '08ffffffffffffffffff01'],
  ])('writes %s as protobuf does', (value, bytes) => {
    const writer = createProtoWriter();
    writer.varint(1, value);
    expect(Buffer.from(writer.finish()).toString('hex')).toBe(bytes);
  });
});

describe('writing', () => {
  it('refuses what is not built in', () => {
    expect(() => encodeProtobuf({ apiVersion: 'example.com/v1', kind: 'Widget' })).toThrow(
      'example.com/v1 Widget has no protobuf form',
    );
  });

  it('and reading again gives the same object', () => {
    const text = fc.string({ maxLength: 5 });
    const quantity = fc.constantFrom('1', '100m', '1Gi', '0');
    const pod = fc.record({
      kind: fc.constant('Pod'),
      apiVersion: fc.constant('v1'),
      metadata: fc.record(
        { name: text, labels: fc.dictionary(text, text), generation: fc.maxSafeInteger() },
        { requiredKeys: [] },
      ),
      spec: fc.record({
        containers: fc.array(
          fc.record(
            { name: text, resources: fc.record({ limits: fc.dictionary(text, quantity) }), stdin: fc.boolean() },
            { requiredKeys: ['name'] },
          ),
        ),
        priority: fc.option(fc.integer(), { nil: undefined }),
        hostNetwork: fc.boolean(),
      }),
    });
    const type = typeOf('io.k8s.api.core.v1.Pod');
    fc.assert(
      fc.property(pod, (value) => {
        const object = decodeObject(value, type).object;
        expect(canonical(encodeProtobuf(object)).object).toEqual(
          object.spec && (object.spec as { containers: unknown[] }).containers.length > 0
            ? object
            : { ...object, spec: { ...(object.spec as object), containers: null } },
        );
      }),
    );
  });
});
