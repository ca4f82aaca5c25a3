/** pods/portforward: over SPDY, and over SPDY within a WebSocket. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { badRequest } from '@nodeless/apimachinery/status';
import type { NodeConnection } from '@nodeless/client/node-connection';
import { methodNotAllowed } from '@nodeless/registry/endpoint';
import type { Registry } from '@nodeless/registry/registry';
import type { Duplex } from 'node:stream';
import type { Call, CallScope } from '../call.ts';
import type { ApiResponse } from '../exchange.ts';
import { createSpdySession } from '../spdy/session.ts';
import { portForwardProtocol, servePortForward } from '../streaming/port-forward.ts';
import {
  spdyResponse,
  streamProtocol,
  unsupportedStreamProtocol,
  upgradeKind,
  webSocketProtocol,
  webSocketResponse,
} from '../streaming/upgrade-request.ts';
import { createTunnel } from '../streaming/websocket-tunnel.ts';
import { createWebSocket } from '../streaming/websocket.ts';
import { nodeOf, podRef } from './pod-target.ts';

const tunnelProtocol = `SPDY/3.1+${portForwardProtocol}`;
const nothing = new Uint8Array();

export function createPodPortForward(deps: {
  registry: Registry;
  nodes: NodeConnection;
}): (call: Call, scope: CallScope) => Promise<ApiResponse> {
  return async (call, scope) => {
    const { request } = call;
    if (request.method !== 'GET' && request.method !== 'POST') throw methodNotAllowed();
    const { object } = await deps.registry.connect(scope, { kind: 'PodPortForwardOptions', apiVersion: 'v1' });
    const pod = object as Readonly<Pod>;
    const node = nodeOf(pod);
    const ref = podRef(pod);
    const serve = (socket: Duplex, head: Uint8Array): void =>
      servePortForward(
        createSpdySession(socket, head),
        (port) => deps.nodes.portForward(node, ref, port),
        `pod ${ref.name}, uid ${ref.uid}`,
      );
    switch (call.upgradable ? upgradeKind(request) : undefined) {
      case 'websocket': {
        const protocol = webSocketProtocol(request, [tunnelProtocol]);
        return webSocketResponse(request, protocol, ({ socket, head }) =>
          serve(createTunnel(createWebSocket(socket, head)), nothing),
        );
      }
      case 'spdy': {
        const protocol = streamProtocol(request, [portForwardProtocol]);
        if (protocol === undefined) return unsupportedStreamProtocol([portForwardProtocol]);
        return spdyResponse(protocol, ({ socket, head }) => serve(socket, head));
      }
      default:
        throw deps.nodes.refuses?.('port-forward', node) ?? badRequest('Upgrade request required');
    }
  };
}
