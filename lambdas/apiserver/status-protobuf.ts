/**
 * A Status in Kubernetes' protobuf envelope: what clients get that accept nothing else. Field numbers from
 * k8s.io/apimachinery meta/v1/generated.proto.
 */
import type { Status } from '@nodeless/apimachinery/status';

const magic = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

const field = (number: number, bytes: Uint8Array): Buffer => Buffer.concat([varint(number * 8 + 2), varint(bytes.byteLength), bytes]);
const text = (number: number, value: string | undefined): Buffer => (value === undefined ? empty : field(number, Buffer.from(value)));
const integer = (number: number, value: number | undefined): Buffer =>
  value === undefined ? empty : Buffer.concat([varint(number * 8), varint(value)]);
const empty = Buffer.alloc(0);

export function statusToProtobuf(status: Status): Uint8Array {
  const { details } = status;
  const causes = (details?.causes ?? []).map((cause) =>
    field(4, Buffer.concat([text(1, cause.reason), text(2, cause.message), text(3, cause.field)])),
  );
  const detailBytes = Buffer.concat([
    text(1, details?.name),
    text(2, details?.group),
    text(3, details?.kind),
    ...causes,
    integer(5, details?.retryAfterSeconds),
    text(6, details?.uid),
  ]);
  const raw = Buffer.concat([
    field(1, empty),
    text(2, status.status),
    text(3, status.message ?? ''),
    text(4, status.reason ?? ''),
    details ? field(5, detailBytes) : empty,
    integer(6, status.code ?? 0),
  ]);
  const typeMeta = Buffer.concat([text(1, 'v1'), text(2, 'Status')]);
  return Buffer.concat([magic, field(1, typeMeta), field(2, raw), text(3, ''), text(4, '')]);
}
