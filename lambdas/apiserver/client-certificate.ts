import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from './exchange.ts';

/** Asking node for a certificate is slow; it is the same for all requests of a connection. */
const certificates = new WeakMap<TLSSocket, ClientCertificate | null>();

/** The certificate that the client of a TLS connection has shown; undefined = none, or no TLS. */
export function peerCertificate(socket: TLSSocket): ClientCertificate | undefined {
  let known = certificates.get(socket);
  if (known === undefined) {
    known = read(socket) ?? null;
    certificates.set(socket, known);
  }
  return known ?? undefined;
}

function read(socket: TLSSocket): ClientCertificate | undefined {
  if (typeof socket.getPeerCertificate !== 'function') return undefined;
  const certificate = socket.getPeerCertificate();
  if (!certificate?.subject) return undefined;
  const { CN, O } = certificate.subject as { CN?: string | string[]; O?: string | string[] };
  return {
    trusted: socket.authorized,
    commonName: [CN ?? ''].flat()[0] as string,
    organizations: O === undefined ? [] : [O].flat(),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
