import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { CreateRoleCommand, DeleteRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { zip } from '../../../scripts/zip.mjs';
import type { ClientSettings } from '../harness.ts';

export interface Probed {
  readonly settings: ClientSettings;
  readonly endpoint: string | undefined;
}

export const unique = (what: string): string => `nodeless-probe-${what}-${randomBytes(4).toString('hex')}`;

/** Things that were made, undone in the opposite order, whatever happened. */
export async function withCleanUp<T>(run: (after: (undo: () => Promise<unknown>) => void) => Promise<T>): Promise<T> {
  const undoing: (() => Promise<unknown>)[] = [];
  try {
    return await run((undo) => undoing.push(undo));
  } finally {
    for (const undo of undoing.toReversed()) await undo().catch(() => {});
  }
}

/** Asks again and again; undefined when the time is up. */
export async function poll<T>(timeoutMs: number, ask: () => Promise<T | undefined>): Promise<T | undefined> {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(100)) {
    const answer = await ask();
    if (answer !== undefined || Date.now() > deadline) return answer;
  }
}

/** A function of a few lines of JavaScript. What it logs can be read back. */
export async function probeFunction(
  { settings }: Probed,
  after: (undo: () => Promise<unknown>) => void,
  code: string,
): Promise<{ readonly name: string; readonly arn: string; readonly lambda: LambdaClient; lines(): Promise<string[]> }> {
  const lambda = new LambdaClient(settings);
  const logs = new CloudWatchLogsClient(settings);
  const iam = new IAMClient(settings);
  const name = unique('function');
  const role = await iam.send(
    new CreateRoleCommand({
      RoleName: name,
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      }),
    }),
  );
  after(() => iam.send(new DeleteRoleCommand({ RoleName: name })));
  const made = await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: role.Role!.Arn!,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Timeout: 10,
      Code: { ZipFile: zip([['index.mjs', Buffer.from(code)]]) },
    }),
  );
  after(() => lambda.send(new DeleteFunctionCommand({ FunctionName: name })));
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 60, minDelay: 1 }, { FunctionName: name });
  return {
    name,
    arn: made.FunctionArn!,
    lambda,
    async lines() {
      const answer = await logs
        .send(new FilterLogEventsCommand({ logGroupName: `/aws/lambda/${name}`, filterPattern: 'probe' }))
        .catch(() => undefined);
      return (answer?.events ?? []).map(({ message }) => message ?? '').filter((line) => line.includes('probe'));
    },
  };
}
