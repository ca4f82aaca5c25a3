/** What `nodeless doctor --region` finds in an account. */
import type { Cloud } from './cloud.ts';
import { planDeploy } from './deploy-plan.ts';
import { AwsProblem } from './errors.ts';
import { checkQuotas, type Finding } from './quotas.ts';

/** Never throws for what AWS refuses: that is what it is to find. */
export async function examine(cloud: Cloud, cluster?: string): Promise<Finding[]> {
  try {
    const identity = await cloud.identity();
    const findings: Finding[] = [
      {
        check: 'Credentials',
        status: 'ok',
        message: `${identity.arn} in ${cloud.region} of account ${identity.account}`,
      },
    ];
    findings.push(await bootstrapped(cloud));
    if (cluster !== undefined) findings.push(await stackOf(cloud, cluster), ...(await stoppedApi(cloud, cluster)));
    return [...findings, ...(await checkQuotas(cloud, cluster !== undefined))];
  } catch (error) {
    if (!(error instanceof AwsProblem)) throw error;
    return [{ check: 'Credentials', status: 'problem', message: error.message }];
  }
}

async function bootstrapped(cloud: Cloud): Promise<Finding> {
  const check = 'CDK';
  try {
    return (await cloud.isBootstrapped())
      ? { check, status: 'ok', message: 'the account is prepared for the CDK' }
      : { check, status: 'ok', message: 'the account is not prepared for the CDK yet; nodeless deploy does that' };
  } catch (error) {
    if (!(error instanceof AwsProblem)) throw error;
    return { check, status: 'warning', message: error.message };
  }
}

async function stackOf(cloud: Cloud, cluster: string): Promise<Finding> {
  const check = `Cluster ${cluster}`;
  const stack = await cloud.stack(`nodeless-${cluster}`);
  if (!stack) return { check, status: 'warning', message: `has no stack nodeless-${cluster} here` };
  const { action, message } = planDeploy(stack);
  if (action === 'refuse') return { check, status: 'problem', message: message as string };
  return message
    ? { check, status: 'warning', message }
    : { check, status: 'ok', message: `its stack is ${stack.status}` };
}

/** The bill guard stops the API by leaving it no concurrency, until someone says otherwise. */
async function stoppedApi(cloud: Cloud, cluster: string): Promise<Finding[]> {
  const name = `nodeless-${cluster}-apiserver`;
  if ((await cloud.reservedConcurrency(name)) !== 0) return [];
  const start = `aws lambda delete-function-concurrency --function-name ${name} --region ${cloud.region}`;
  return [
    {
      check: 'API',
      status: 'problem',
      message: `is stopped (by the bill guard, or by hand). It is started again with: ${start}`,
    },
  ];
}
