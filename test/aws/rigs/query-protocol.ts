/** AWS's Query protocol as a server sees it: form parameters in, XML out. */
import { HttpResponse } from '@smithy/protocol-http';

export type Parameters = Readonly<Record<string, unknown>>;

/** What a service answers with instead of a result. */
export class AwsFault extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/**
 * `Tags.member.1.Key=a` becomes {Tags: [{Key: 'a'}]}; numbers in a path make arrays, `member` is left out. Values stay strings.
 */
export function parseQuery(body: string): { action: string; parameters: Parameters } {
  const root = new Map<string, unknown>();
  for (const [path, value] of new URLSearchParams(body)) {
    const parts = path.split('.').filter((part) => part !== 'member');
    let at = root;
    for (const part of parts.slice(0, -1)) {
      const next = at.get(part);
      if (next instanceof Map) at = next as Map<string, unknown>;
      else {
        const made = new Map<string, unknown>();
        at.set(part, made);
        at = made;
      }
    }
    at.set(parts.at(-1) ?? '', value);
  }
  const parameters = plain(root) as Record<string, unknown>;
  return { action: String(parameters['Action'] ?? ''), parameters };
}

function plain(value: unknown): unknown {
  if (!(value instanceof Map)) return value;
  const entries = [...(value as Map<string, unknown>)];
  if (entries.length > 0 && entries.every(([key]) => /^\d+$/.test(key)))
    return entries.toSorted(([a], [b]) => Number(a) - Number(b)).map(([, item]) => plain(item));
  return Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]));
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Members that are undefined are left out; items of arrays stand in `item` elements. */
export function toXml(value: unknown, item: string): string {
  if (value === undefined || value === null) return '';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((one) => `<${item}>${toXml(one, item)}</${item}>`).join('');
  if (typeof value !== 'object') return escaped(String(value));
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `<${name}>${toXml(member, item)}</${name}>`)
    .join('');
}

export function xmlResponse(statusCode: number, body: string): { response: HttpResponse } {
  return {
    response: new HttpResponse({
      statusCode,
      headers: { 'content-type': 'text/xml' },
      body: Buffer.from(`<?xml version="1.0"?>${body}`),
    }),
  };
}

export function queryResult(action: string, result: unknown): { response: HttpResponse } {
  return xmlResponse(
    200,
    `<${action}Response><${action}Result>${toXml(result, 'member')}</${action}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${action}Response>`,
  );
}

export function queryFault({ code, message, status }: AwsFault): { response: HttpResponse } {
  const type = status >= 500 ? 'Receiver' : 'Sender';
  return xmlResponse(
    status,
    `<ErrorResponse><Error><Type>${type}</Type><Code>${code}</Code><Message>${escaped(message)}</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
  );
}
