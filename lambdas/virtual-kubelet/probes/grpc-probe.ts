import { connect, type ClientHttp2Session, constants } from 'node:http2';
import { type Dialer } from './dialer.ts';
import type { ProbeResult } from './probe-result.ts';

const statusNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const unimplemented = 12;

/** One call of grpc.health.v1.Health/Check over cleartext HTTP/2; the two messages are simple enough to write by hand. */
export async function probeGrpc(
  dial: Dialer,
  host: string,
  port: number,
  service: string,
  timeoutMs: number,
): Promise<ProbeResult> {
  const signal = AbortSignal.timeout(timeoutMs);
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const noConnection = `timeout: failed to connect service "${authority}" within ${timeoutMs / 1000}s: context deadline exceeded`;
  let session: ClientHttp2Session | undefined;
  try {
    const socket = await dial(host, port, signal);
    session = connect(`http://${authority}`, { createConnection: () => socket });
    session.on('error', () => {});
    const { grpcStatus, grpcMessage, body } = await check(session, service, signal);
    if (grpcStatus === unimplemented)
      return {
        outcome: 'failure',
        output: `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${grpcMessage}`,
      };
    if (grpcStatus !== 0)
      return {
        outcome: 'failure',
        output: `error: health rpc failed: rpc error: code = ${grpcStatus} desc = ${grpcMessage}`,
      };
    const status = servingStatus(body);
    if (status === 1) return { outcome: 'success', output: 'service healthy' };
    return {
      outcome: 'failure',
      output: `service unhealthy (responded with "${statusNames[status] ?? String(status)}")`,
    };
  } catch {
    return { outcome: 'failure', output: noConnection };
  } finally {
    session?.destroy();
  }
}

interface Answer {
  readonly grpcStatus: number;
  readonly grpcMessage: string;
  readonly body: Buffer;
}

function check(session: ClientHttp2Session, service: string, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(
      {
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
        'content-type': 'application/grpc',
        te: 'trailers',
        'user-agent': 'kube-probe/1.36',
      },
      { signal },
    );
    const chunks: Buffer[] = [];
    let status: number | undefined;
    let message = '';
    const read = (headers: Record<string, unknown>): void => {
      if (headers['grpc-status'] !== undefined) status = Number(headers['grpc-status']);
      if (typeof headers['grpc-message'] === 'string') message = decodeURIComponent(headers['grpc-message']);
    };
    stream.on('response', read);
    stream.on('trailers', read);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    session.once('error', reject);
    stream.on('end', () => {
      if (status === undefined) reject(new Error('no grpc-status'));
      else resolve({ grpcStatus: status, grpcMessage: message, body: Buffer.concat(chunks) });
    });
    stream.end(healthCheckRequest(service));
  });
}

/** Length-prefixed protobuf: field 1, the service's name. */
function healthCheckRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const length: number[] = [];
  for (let rest = name.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...length]), name]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Field 1 (varint) of the HealthCheckResponse; absent = 0. */
function servingStatus(body: Buffer): number {
  const message = body.subarray(5);
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}
