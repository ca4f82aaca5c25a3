import {
  CreateStackCommand,
  CloudFormationClient,
  DeleteStackCommand,
  waitUntilStackCreateComplete,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type Probed, unique } from './probe.ts';

/** A rule of EventBridge into a queue, made as deployments make them; answers what came so far. */
export async function ruleToQueue(
  { settings }: Probed,
  after: (undo: () => Promise<unknown>) => void,
  pattern: object,
): Promise<() => Promise<readonly string[]>> {
  const StackName = unique('rule');
  const stack = new CloudFormationClient(settings);
  const sqs = new SQSClient(settings);
  await createStack({ settings, endpoint: undefined }, after, StackName, {
    Queue: { Type: 'AWS::SQS::Queue' },
    Policy: {
      Type: 'AWS::SQS::QueuePolicy',
      Properties: {
        Queues: [{ Ref: 'Queue' }],
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Service: 'events.amazonaws.com' },
              Action: 'sqs:SendMessage',
              Resource: { 'Fn::GetAtt': ['Queue', 'Arn'] },
            },
          ],
        },
      },
    },
    Rule: {
      Type: 'AWS::Events::Rule',
      Properties: { EventPattern: pattern, Targets: [{ Id: 'queue', Arn: { 'Fn::GetAtt': ['Queue', 'Arn'] } }] },
    },
  });
  const found = await stack.send(new DescribeStacksCommand({ StackName }));
  const QueueUrl = found.Stacks?.[0]?.Outputs?.find(({ OutputKey }) => OutputKey === 'Queue')?.OutputValue;
  const seen: string[] = [];
  return async () => {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    for (const { Body, ReceiptHandle } of Messages) {
      seen.push(Body ?? '');
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
    return seen;
  };
}

/** Each resource's Ref is an output of its own name. */
export async function createStack(
  { settings }: Probed,
  after: (undo: () => Promise<unknown>) => void,
  StackName: string,
  resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: object }>>,
): Promise<void> {
  const client = new CloudFormationClient(settings);
  const Outputs = Object.fromEntries(Object.keys(resources).map((name) => [name, { Value: { Ref: name } }]));
  await client.send(
    new CreateStackCommand({ StackName, TemplateBody: JSON.stringify({ Resources: resources, Outputs }) }),
  );
  after(() => client.send(new DeleteStackCommand({ StackName })));
  await waitUntilStackCreateComplete({ client, maxWaitTime: 120, minDelay: 1, maxDelay: 2 }, { StackName });
}
