import { createProtoWriter, type ProtoWriter } from '../protobuf/writer.ts';
import type { Schema } from './model-schemas.ts';

/**
 * OpenAPI v2 in the protobuf form of gnostic (openapi.v2.Document), which older kubectl reads in place of
 * JSON. Only what `writeV2` produces is known; anything else in a document is an error, never left out.
 */
export function encodeGnosticV2(document: Schema): Uint8Array<ArrayBuffer> {
  const writer = createProtoWriter(4 << 20);
  writeMessage(writer, documentMessage, document);
  return writer.finish();
}

/** Writes one JSON value as field `number` of the message around it. */
type Encoder = (writer: ProtoWriter, number: number, value: unknown) => void;
type Message = Readonly<Record<string, readonly [number: number, encode: Encoder]>>;

interface MessageType {
  readonly fields: ReadonlyMap<string, readonly [number: number, encode: Encoder]>;
  /** Number of the list of x- extensions. */
  readonly extensions?: number;
}

function message(fields: Message, extensions?: number): MessageType {
  // The writer goes backwards, so numbers descend.
  return {
    fields: new Map(Object.entries(fields).sort(([, [a]], [, [b]]) => b - a)),
    ...(extensions && { extensions }),
  };
}

function writeMessage(writer: ProtoWriter, type: MessageType, value: unknown): void {
  const object = value as Schema;
  const names = Object.keys(object);
  const extra = names.filter((n) => n.startsWith('x-'));
  if (extra.length > 0 && type.extensions !== undefined) {
    for (const name of extra.reverse()) namedEntry(any)(writer, type.extensions, [name, object[name]]);
  }
  let known = type.extensions === undefined ? 0 : extra.length;
  for (const [name, [number, encode]] of type.fields) {
    if (object[name] === undefined) continue;
    encode(writer, number, object[name]);
    known++;
  }
  if (known !== names.filter((n) => object[n] !== undefined).length) {
    throw new Error(`OpenAPI v2 in protobuf has no place for one of: ${names.join(', ')}`);
  }
}

const string: Encoder = (writer, number, value) => writer.string(number, value as string);
const boolean: Encoder = (writer, number, value) => writer.varint(number, value === true ? 1 : 0);
/** gnostic.Any: the value as YAML, which JSON is. */
const any: Encoder = (writer, number, value) =>
  writer.message(number, () => writer.string(2, `${JSON.stringify(value)}\n`));

function of(type: () => MessageType): Encoder {
  return (writer, number, value) => writer.message(number, () => writeMessage(writer, type(), value));
}
function list(item: Encoder): Encoder {
  return (writer, number, value) => {
    for (const one of [...(value as unknown[])].reverse()) item(writer, number, one);
  };
}
/** The value as field `inner` of a message that has nothing else. */
function wrapped(inner: number, item: Encoder): Encoder {
  return (writer, number, value) => writer.message(number, () => item(writer, inner, value));
}
function namedEntry(item: Encoder): Encoder {
  return (writer, number, entry) => {
    const [name, value] = entry as [string, unknown];
    writer.message(number, () => {
      item(writer, 2, value);
      writer.string(1, name);
    });
  };
}
/** An object as a list of (name, value). */
function entries(item: Encoder): Encoder {
  const one = list(namedEntry(item));
  return (writer, number, value) => one(writer, number, Object.entries(value as Schema));
}

const schema: Encoder = of(() => schemaMessage);
const schemaMessage = message(
  {
    $ref: [1, string],
    format: [2, string],
    title: [3, string],
    description: [4, string],
    default: [5, any],
    required: [19, list(string)],
    enum: [20, list(any)],
    additionalProperties: [
      21,
      (w, n, value) => (typeof value === 'boolean' ? wrapped(2, boolean) : wrapped(1, schema))(w, n, value),
    ],
    type: [22, wrapped(1, string)],
    items: [23, wrapped(1, schema)],
    allOf: [24, list(schema)],
    properties: [25, wrapped(1, entries(schema))],
  },
  31,
);

const bodyParameter = message({
  description: [1, string],
  name: [2, string],
  in: [3, string],
  required: [4, boolean],
  schema: [5, schema],
});
const queryParameter = message({
  required: [1, boolean],
  in: [2, string],
  description: [3, string],
  name: [4, string],
  type: [6, string],
  uniqueItems: [20, boolean],
});
const pathParameter = message({
  required: [1, boolean],
  in: [2, string],
  description: [3, string],
  name: [4, string],
  type: [5, string],
  uniqueItems: [19, boolean],
});
/** ParametersItem > Parameter > BodyParameter, or > NonBodyParameter > the kind of parameter. */
const parameter: Encoder = (writer, number, value) => {
  const place = (value as { in: string }).in;
  if (place === 'body')
    wrapped(
      1,
      wrapped(
        1,
        of(() => bodyParameter),
      ),
    )(writer, number, value);
  else if (place === 'query')
    wrapped(
      1,
      wrapped(
        2,
        wrapped(
          3,
          of(() => queryParameter),
        ),
      ),
    )(writer, number, value);
  else
    wrapped(
      1,
      wrapped(
        2,
        wrapped(
          4,
          of(() => pathParameter),
        ),
      ),
    )(writer, number, value);
};

const response = message({ description: [1, string], schema: [2, wrapped(1, schema)] });
const operationMessage = message(
  {
    tags: [1, list(string)],
    description: [3, string],
    operationId: [5, string],
    produces: [6, list(string)],
    consumes: [7, list(string)],
    parameters: [8, list(parameter)],
    responses: [
      9,
      wrapped(
        1,
        entries(
          wrapped(
            1,
            of(() => response),
          ),
        ),
      ),
    ],
    schemes: [10, list(string)],
  },
  13,
);
const operation: Encoder = of(() => operationMessage);

const pathItem = message({
  get: [2, operation],
  put: [3, operation],
  post: [4, operation],
  delete: [5, operation],
  options: [6, operation],
  head: [7, operation],
  patch: [8, operation],
  parameters: [9, list(parameter)],
});
const info = message({ title: [1, string], version: [2, string] });
const apiKey = message({ type: [1, string], name: [2, string], in: [3, string], description: [4, string] });

const documentMessage = message({
  swagger: [1, string],
  info: [2, of(() => info)],
  paths: [8, wrapped(2, entries(of(() => pathItem)))],
  definitions: [9, wrapped(1, entries(schema))],
  security: [12, list(wrapped(1, entries(wrapped(1, list(string)))))],
  securityDefinitions: [
    13,
    wrapped(
      1,
      entries(
        wrapped(
          2,
          of(() => apiKey),
        ),
      ),
    ),
  ],
});
