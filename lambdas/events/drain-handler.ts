/** The drain as a function: CloudFormation's custom resource, its own continuation, and the bill guard's switch. */
import { EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient } from '@aws-sdk/client-ecs';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { InvokeCommand, LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { Route53Client } from '@aws-sdk/client-route-53';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { systemClock } from '@nodeless/component-base/clock';
import { setting } from '@nodeless/component-base/function-settings';
import { createLogger } from '@nodeless/component-base/logger';
import { createDrainFunction } from './drain-function.ts';
import { drainSteps, goneIs } from './drain-steps.ts';

// Adaptive: all of these are throttled by the account, and nobody waits for an answer within a second.
const options = {
  maxAttempts: 8,
  retryMode: 'adaptive',
  requestHandler: { requestTimeout: 20_000, connectionTimeout: 5_000 },
};
const lambda = new LambdaClient(options);
const clients = {
  ecs: new ECSClient(options),
  elb: new ElasticLoadBalancingV2Client(options),
  ec2: new EC2Client(options),
  route53: new Route53Client(options),
  secrets: new SecretsManagerClient(options),
  ssm: new SSMClient(options),
};

const run = createDrainFunction({
  cluster: setting('NODELESS_CLUSTER'),
  clock: systemClock,
  log: createLogger(),
  steps: (targets) => drainSteps(clients, targets),
  async stopFunction(FunctionName) {
    await lambda
      .send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }))
      .catch(goneIs('ResourceNotFoundException', undefined));
  },
  async goOn(functionName, event) {
    await lambda.send(
      new InvokeCommand({
        FunctionName: functionName,
        InvocationType: 'Event',
        Payload: Buffer.from(JSON.stringify(event)),
      }),
    );
  },
  async respond(url, body) {
    const response = await fetch(url, {
      method: 'PUT',
      body,
      headers: { 'content-type': '' },
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw new Error(`CloudFormation's answer could not be left: ${response.status}`);
  },
});

export const handler = async (
  event: unknown,
  context: { readonly functionName: string; getRemainingTimeInMillis(): number },
): Promise<void> => await run(event, context);
