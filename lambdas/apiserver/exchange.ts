/**
 * A request and its response, whatever carries them: node's HTTP/1.1 and HTTP/2 servers (node-door.ts), Lambda's
 * Function URLs (function-url-door.ts), tests. Kept as thin as the carriers allow: the hot path makes none of the carriers'
 * convenience objects (docs/adr/0004-http-doors.md).
 */
import type { Duplex, Readable } from 'node:stream';

export interface ApiRequest {
  /** As sent, upper case for the standard ones. */
  readonly method: string;
  /** Path and query as sent: `/api/v1/pods?watch=1`. */
  readonly target: string;
  /** `name` in lower case. Several fields of one name are joined with `, `. */
  header(name: string): string | undefined;
  /** The values of each field of that name, in order. */
  headerValues(name: string): readonly string[];
  /** Names and values as sent, alternating. */
  rawHeaders(): readonly string[];
  /** Address of the peer, without port; '' where it is not known. */
  readonly remoteAddress: string;
  /** The TLS client certificate, if there is one. */
  clientCertificate(): ClientCertificate | undefined;
  /** The whole body. Rejects with ApiError 413 above `limit` bytes, and with 400 when the client breaks off. Once. */
  readBody(limit: number): Promise<Uint8Array>;
  /** The body as it comes, for proxies. Instead of readBody. */
  openBody(): Readable;
  /** The carrier breaks an answer off that is not complete then; milliseconds since the epoch. Absent: it does not. */
  readonly deadline?: number;
  /** Calls back when the client has gone before the response was complete. */
  onAbort(callback: () => void): void;
}

export interface ClientCertificate {
  /** It chains to a CA that the server trusts for clients, and is in its time. */
  readonly trusted: boolean;
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** SHA-256 of the DER form, lower-case hex. */
  readonly fingerprint: string;
}

/** What a streamed response is written to. */
export interface ResponseStream {
  /** Queues; what is written in one turn of the event loop leaves in one write. The chunk must not be changed later. */
  write(chunk: Uint8Array): void;
  end(): void;
  /** Breaks the connection (HTTP/2: the stream) off. */
  destroy(): void;
  /** Bytes written and not yet taken by the network. */
  readonly pendingBytes: number;
  /** After end, destroy or the client's leaving. Called once, or at once when it is closed already. */
  onClose(callback: () => void): void;
}

export type ResponseBody =
  | undefined
  | string
  | Uint8Array
  /** Written in order, with Content-Length of their sum. */
  | readonly Uint8Array[]
  /** Called once the head is on its way. Must not throw. `blanks`: between two writes blanks may stand, which mean nothing. */
  | { readonly stream: (out: ResponseStream) => void; readonly blanks?: boolean }
  /** With status 101, to a request that could be upgraded: called once the head is written. Must not throw. */
  | { readonly upgraded: (connection: UpgradedConnection) => void };

export interface ApiResponse {
  readonly status: number;
  /** Names and values, alternating; without Content-Length and Date. */
  readonly headers: string[];
  readonly body: ResponseBody;
}

/** A connection that has been taken over from HTTP. */
export interface UpgradedConnection {
  readonly socket: Duplex;
  /** What the client sent after the head, already read. */
  readonly head: Uint8Array;
}
