/** SSM's parameters over HTTP: by path, one at a time, and written. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ParametersRig {
  readonly endpoint: string;
  readonly values: Map<string, { readonly value: string; readonly type: string }>;
  calls(): number;
  stop(): Promise<void>;
}

type Input = Readonly<Record<string, unknown>>;

export async function startParameters(initial: Readonly<Record<string, string>> = {}): Promise<ParametersRig> {
  const values = new Map(Object.entries(initial).map(([name, value]) => [name, { value, type: 'String' }]));
  let calls = 0;
  const shown = (name: string): object => ({
    Name: name,
    Value: values.get(name)?.value,
    Type: values.get(name)?.type,
  });
  const operations: Record<string, (input: Input) => object | undefined> = {
    GetParametersByPath: ({ Path }) => ({
      Parameters: [...values.keys()].filter((name) => name.startsWith(`${Path as string}/`)).map(shown),
    }),
    GetParameter: ({ Name }) => (values.has(Name as string) ? { Parameter: shown(Name as string) } : undefined),
    PutParameter: ({ Name, Value, Type, Overwrite }) => {
      if (values.has(Name as string) && Overwrite !== true) return undefined;
      values.set(Name as string, { value: Value as string, type: Type as string });
      return { Version: 1 };
    },
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      calls++;
      const name = String(request.headers['x-amz-target']).split('.').at(-1) as string;
      const answer = operations[name]?.(JSON.parse(Buffer.concat(chunks).toString()) as Input);
      const type = name === 'PutParameter' ? 'ParameterAlreadyExists' : 'ParameterNotFound';
      response.writeHead(answer ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(answer ?? { __type: type, message: type }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    values,
    calls: () => calls,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
