/** What kind of connection a request wants to become. */
import { badRequest } from '@nodeless/apimachinery/status';
import type { ApiRequest, ApiResponse, UpgradedConnection } from '../exchange.ts';
import { webSocketAccept } from './websocket.ts';

export type UpgradeKind = 'websocket' | 'spdy';

/** undefined = none that is known. */
export function upgradeKind(request: ApiRequest): UpgradeKind | undefined {
  const connection = request.header('connection')?.toLowerCase() ?? '';
  if (!connection.split(',').some((token) => token.trim() === 'upgrade')) return undefined;
  const upgrade = request.header('upgrade')?.toLowerCase();
  if (upgrade === 'websocket') return 'websocket';
  return upgrade === 'spdy/3.1' ? 'spdy' : undefined;
}

/** The one protocol that a client names, whatever it is; '' without any. */
export function onlyWebSocketProtocol(request: ApiRequest): string {
  const [only = '', ...more] = askedProtocols(request);
  if (more.length > 0) throw badRequest('bad WebSocket protocol: there must be one');
  return only;
}

function askedProtocols(request: ApiRequest): string[] {
  return listOf(request.header('sec-websocket-protocol')).filter(
    (name) => !name.startsWith('base64url.bearer.authorization.k8s.io.'),
  );
}

function listOf(header: string | undefined): string[] {
  return (header ?? '').split(',').flatMap((value) => value.trim() || []);
}

/** The first protocol of the client's list that is supported; '' when it names none and that is allowed. */
export function webSocketProtocol(request: ApiRequest, supported: readonly string[]): string {
  const asked = askedProtocols(request);
  const found = asked.length === 0 && supported.includes('') ? '' : asked.find((name) => supported.includes(name));
  if (found === undefined)
    throw badRequest(
      `requested protocol(s) are not supported: [${asked.join(' ')}]; supports [${supported.join(' ')}]`,
    );
  return found;
}

/** The 101 of a WebSocket. */
export function webSocketResponse(
  request: ApiRequest,
  protocol: string,
  upgraded: (connection: UpgradedConnection) => void,
): ApiResponse {
  const key = request.header('sec-websocket-key');
  if (key === undefined || request.header('sec-websocket-version') !== '13')
    throw badRequest('websocket version 13 is required');
  const headers = ['Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Accept', webSocketAccept(key)];
  if (protocol !== '') headers.push('Sec-WebSocket-Protocol', protocol);
  return { status: 101, headers, body: { upgraded } };
}

/** The first of the client's stream protocols that is supported. Errors: 403 with the supported ones, as httpstream answers. */
export function streamProtocol(request: ApiRequest, supported: readonly string[]): string | undefined {
  const asked = request.headerValues('x-stream-protocol-version').flatMap(listOf);
  if (asked.length === 0) return supported.includes('') ? '' : undefined;
  return asked.find((name) => supported.includes(name));
}

export function spdyResponse(protocol: string, upgraded: (connection: UpgradedConnection) => void): ApiResponse {
  const headers = ['Upgrade', 'SPDY/3.1', 'Connection', 'Upgrade'];
  if (protocol !== '') headers.push('X-Stream-Protocol-Version', protocol);
  return { status: 101, headers, body: { upgraded } };
}

export function unsupportedStreamProtocol(supported: readonly string[]): ApiResponse {
  return {
    status: 403,
    headers: ['X-Accepted-Stream-Protocol-Versions', supported.join(', '), 'Content-Type', 'text/plain; charset=utf-8'],
    body: `unable to upgrade: unable to negotiate protocol: client supports [], server accepts [${supported.join(' ')}]`,
  };
}
