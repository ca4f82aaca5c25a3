/**
 * node's parser knows a fixed list of methods and gives up on others, where Go's server takes any and the API server
 * answers 405. This reads the head of such a request out of the parser's error.
 */
import { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { peerCertificate } from './client-certificate.ts';
import type { ApiRequest } from './exchange.ts';

const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}) (\/[^ ]*) HTTP\/1\.1$/;

/** undefined for what is no request at all. The body, if there is one, is not read: the connection is closed after the answer. */
export function unknownMethodRequest(
  error: Error & { code?: string; rawPacket?: Buffer },
  socket: TLSSocket,
): ApiRequest | undefined {
  if (error.code !== 'HPE_INVALID_METHOD' || !error.rawPacket) return undefined;
  const [head = ''] = error.rawPacket.toString('latin1').split('\r\n\r\n', 1);
  const [first = '', ...lines] = head.split('\r\n');
  const match = requestLine.exec(first);
  if (!match) return undefined;
  const fields = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 1 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const headerValues = (name: string): string[] =>
    fields.filter((_, i) => i % 2 === 1 && (fields[i - 1] as string).toLowerCase() === name);
  return {
    method: match[1] as string,
    target: match[2] as string,
    header: (name) => headerValues(name).join(', ') || undefined,
    headerValues,
    rawHeaders: () => fields,
    remoteAddress: socket.remoteAddress ?? '',
    clientCertificate: () => peerCertificate(socket),
    readBody: () => Promise.resolve(new Uint8Array()),
    openBody: () => Readable.from([]),
    onAbort: () => {},
  };
}
