import { join } from 'node:path';
import { GetFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Aws } from '../harness.ts';
import { type StreamingHost, startStreamingHost } from '../rigs/streaming-host.ts';
import { unzip } from '../rigs/unzip.ts';

/**
 * Runs what was deployed as a function, the very zip that the engine gives back and with the variables that it has, behind our
 * model of Function URLs: for engines whose Function URLs do not stream.
 */
export async function hostDeployedFunction(aws: Aws, name: string): Promise<StreamingHost> {
  const lambda = new LambdaClient(aws.settings);
  const { Code, Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName: name }));
  const response = await fetch(Code!.Location!);
  if (!response.ok) throw new Error(`the code of ${name} cannot be read: ${response.status}`);
  const folder = join(aws.folder, name);
  unzip(Buffer.from(await response.arrayBuffer()), folder);
  return await startStreamingHost({
    name,
    folder,
    region: aws.engine.region,
    memoryMb: Configuration!.MemorySize!,
    timeoutSeconds: Configuration!.Timeout!,
    environment: { ...aws.env, _HANDLER: Configuration!.Handler!, ...Configuration!.Environment?.Variables },
  });
}
