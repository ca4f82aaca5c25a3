import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/** What happens to a request on its way, in the SDK itself: the code under test cannot tell it from the real thing. */
export type Fault =
  | { readonly is: 'pass' }
  /** The service refuses it. `reasons`: of a cancelled transaction. */
  | { readonly is: 'error'; readonly name: string; readonly status?: number; readonly reasons?: readonly string[] }
  /** It never arrives; the caller hears that the connection broke. */
  | { readonly is: 'lost' }
  /** It is done; the answer never arrives. */
  | { readonly is: 'unanswered' }
  /** It is done twice; the answer is the second's. */
  | { readonly is: 'twice' };

export const pass: Fault = { is: 'pass' };

export interface Sent {
  /** `TransactWriteItemsCommand` and the like. */
  readonly command: string;
  readonly input: object;
}

/** Puts `choose` between the client and the network. Answers what was sent, in order. */
export function injectFaults(client: DynamoDBClient, choose: (sent: Sent) => Fault): Sent[] {
  const all: Sent[] = [];
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const sent = { command: context.commandName ?? '', input: args.input };
      all.push(sent);
      const fault = choose(sent);
      switch (fault.is) {
        case 'pass':
          return await next(args);
        case 'twice':
          await next(args).catch(() => {});
          return await next(args);
        case 'unanswered':
          await next(args);
          throw connectionBroken();
        case 'lost':
          throw connectionBroken();
        case 'error':
          throw Object.assign(new Error(`injected ${fault.name}`), {
            name: fault.name,
            $metadata: { httpStatusCode: fault.status ?? 400 },
            CancellationReasons: fault.reasons?.map((Code) => ({ Code })),
          });
      }
    },
    // Before the request is written out, outside of any retry of the SDK's own.
    { step: 'initialize', name: 'faults', priority: 'low' },
  );
  return all;
}

function connectionBroken(): Error {
  return Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' });
}
