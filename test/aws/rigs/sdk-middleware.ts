/** Any client of @aws-sdk. */
export interface SdkClient {
  readonly config: { readonly serviceId?: string };
  readonly middlewareStack: { add(middleware: never, options: never): void };
}

export interface SdkCall {
  /** `DynamoDB`, `Elastic Load Balancing v2`: the service's id in its model. */
  readonly service: string;
  /** `RunTask`. */
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Goes on to the service, with this input or another. Answers the output. */
  proceed(input?: Readonly<Record<string, unknown>>): Promise<unknown>;
}

interface Arguments {
  readonly input: Readonly<Record<string, unknown>>;
}
type Handler = (args: Arguments) => Promise<{ readonly output: unknown; readonly response?: unknown }>;
type Middleware = (next: Handler, context: { readonly commandName?: string }) => Handler;

/**
 * Stands between a client and the network, outside of the SDK's own retries: what happens here looks to the code under test
 * like the service. Of several, the one added first is the outermost.
 */
export function addMiddleware(client: SdkClient, name: string, handle: (call: SdkCall) => Promise<unknown>): void {
  const service = client.config.serviceId;
  if (service === undefined) throw new Error('this is not a client of @aws-sdk: it has no serviceId');
  const middleware: Middleware = (next, context) => async (args) => {
    const operation = (context.commandName ?? '').replace(/Command$/, '');
    let response: unknown;
    const proceed = async (input = args.input): Promise<unknown> => {
      const result = await next({ ...args, input });
      response = result.response;
      return result.output;
    };
    const output = await handle({ service, operation, input: args.input, proceed });
    return { output, response };
  };
  client.middlewareStack.add(
    middleware as never,
    { step: 'initialize', name, priority: 'low', override: true } as never,
  );
}
