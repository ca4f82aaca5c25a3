/** Subresources that lead to a node or an address: log, exec, attach, portforward, proxy. One list of who serves which. */
import type { Registry } from '@nodeless/registry/registry';
import type { ServedResource } from '@nodeless/registry/resource-table';
import type { Answer, Call, CallScope } from '../call.ts';

export type ConnectHandler = (call: Call, scope: CallScope) => Answer;

export interface ConnectDeps {
  readonly registry: Registry;
}

export interface Connector {
  /** undefined = not one of these. */
  handlerFor(served: ServedResource, subresource: string): ConnectHandler | undefined;
}

export function createConnector(_deps: ConnectDeps): Connector {
  return { handlerFor: () => undefined };
}
