/** CloudFormation's side of a custom resource: it invokes a function and waits for what is put at its URL. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type FunctionDefinition, startFunctionEnvironment } from './function-environment.ts';

export interface CustomResourceAnswer {
  readonly Status: 'SUCCESS' | 'FAILED';
  readonly Reason?: string;
  readonly PhysicalResourceId: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
  readonly Data?: Readonly<Record<string, string>>;
}

export interface CustomResourceRequest {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly ResourceType: string;
  readonly LogicalResourceId?: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: Readonly<Record<string, unknown>>;
  readonly OldResourceProperties?: Readonly<Record<string, unknown>>;
}

export interface CloudFormationRig {
  /** The answer that was put; rejects when the function is over without one. */
  request(request: CustomResourceRequest): Promise<CustomResourceAnswer>;
  log(): string;
  stop(): Promise<void>;
}

export async function startCloudFormation(definition: FunctionDefinition): Promise<CloudFormationRig> {
  let put: CustomResourceAnswer | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      // The URL is signed for an empty content type.
      const right = request.method === 'PUT' && (request.headers['content-type'] ?? '') === '';
      if (right) put = JSON.parse(Buffer.concat(chunks).toString()) as CustomResourceAnswer;
      response.writeHead(right ? 200 : 403).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const environment = await startFunctionEnvironment(definition);
  return {
    async request(request) {
      put = undefined;
      const invocation = await environment.invoke({
        LogicalResourceId: 'Resource',
        ...request,
        ServiceToken: 'arn:aws:lambda:us-east-1:123456789012:function:setup',
        StackId: 'arn:aws:cloudformation:us-east-1:123456789012:stack/nodeless/00000000-0000-0000-0000-000000000000',
        RequestId: 'request',
        ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer?Signature=x`,
      });
      for await (const _ of invocation.body);
      await environment.idle();
      if (!put) throw new Error(`the function has not answered: ${environment.log()}`);
      return put;
    },
    log: () => environment.log(),
    async stop() {
      await environment.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
