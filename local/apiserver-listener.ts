/** The local door of the API server: one TLS port for HTTP/1.1, HTTP/2 and upgraded connections. */
import type { ApiServer } from '@nodeless/apiserver/apiserver';
import { createNodeDoor } from '@nodeless/apiserver/node-door';
import type { Logger } from '@nodeless/component-base/logger';
import { type Http2SecureServer, type ServerHttp2Session, createSecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface ListenerOptions {
  readonly api: ApiServer;
  /** PEM. */
  readonly tls: { readonly certificate: string; readonly key: string; readonly clientCa: string };
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly log: Logger;
}

export interface Listener {
  readonly address: { readonly host: string; readonly port: number };
  /** New connections get the new certificate; those that are open keep theirs. */
  setCertificate(tls: { readonly certificate: string; readonly key: string; readonly clientCa: string }): void;
  /** Takes no more requests; waits up to `graceMs` for those under way and then breaks them off. */
  close(graceMs?: number): Promise<void>;
}

/** As kube-apiserver: idle connections are closed after 90 s, heads must be there within 32 s and may be of 1 MiB. */
const idleMs = 90_000;
const headMs = 32_000;
const maxHeadBytes = 1024 * 1024;
const handshakeMs = 30_000;
const keepAliveMs = 15_000;

export async function listen({ api, tls, host, port, log }: ListenerOptions): Promise<Listener> {
  const door = createNodeDoor(api);
  const server = createSecureServer({
    allowHTTP1: true,
    key: tls.key,
    cert: tls.certificate,
    ca: tls.clientCa,
    // A certificate is looked at but not demanded: who has none may have a token.
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    handshakeTimeout: handshakeMs,
    maxHeaderSize: maxHeadBytes,
    keepAliveTimeout: idleMs,
    headersTimeout: headMs,
    noDelay: true,
    // Watches say nothing for minutes: the kernel finds out who has gone without a word.
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
    settings: { maxConcurrentStreams: 250 },
    // node refuses new streams while more than this waits to be sent on a connection: half a megabyte a stream.
    maxSessionMemory: 160,
  } as Parameters<typeof createSecureServer>[0]);
  const sockets = trackSockets(server);
  server.on('request', (request, response) => door.request(request, response));
  server.on('upgrade', (request, socket, head) => door.upgrade(request, socket, head));
  server.on('clientError', (error: Error, socket: TLSSocket) => door.clientError(error, socket));
  server.on('session', closeWhenIdle);
  // A client that breaks off its handshake is nothing to report.
  server.on('tlsClientError', (error, socket) => {
    log.debug('TLS handshake failed', { error: error.message, peer: socket.remoteAddress });
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => log.error('API listener failed', { error }));
  return {
    address: { host, port: (server.address() as AddressInfo).port },
    setCertificate: (next) => server.setSecureContext({ key: next.key, cert: next.certificate, ca: next.clientCa }),
    async close(graceMs = 1_000) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      sockets.endIdle();
      const timer = setTimeout(() => sockets.destroyAll(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function trackSockets(server: Http2SecureServer): { endIdle(): void; destroyAll(): void } {
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  return {
    endIdle() {
      for (const session of sessions) session.close();
      (server as unknown as { closeIdleConnections?: () => void }).closeIdleConnections?.();
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Watches keep a session busy without a byte on the wire: only one without streams is idle. */
function closeWhenIdle(session: ServerHttp2Session): void {
  let streams = 0;
  session.on('stream', (stream) => {
    streams++;
    stream.once('close', () => streams--);
  });
  session.setTimeout(idleMs, () => {
    if (streams === 0) session.close();
  });
}
