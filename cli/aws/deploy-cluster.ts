/** A deploy from its checks to a working kubeconfig. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import { type Output, UserError } from '../output.ts';
import { essenceOf, type RunCdk } from './cdk.ts';
import type { Cloud, Identity } from './cloud.ts';
import { isDeployed, isSettled, planDeploy } from './deploy-plan.ts';
import { createStackFollower } from './follow-stack.ts';
import { mergeSettings, type Settings } from './options.ts';
import { principalOf } from './principals.ts';
import { checkQuotas, type Finding } from './quotas.ts';
import { remedyFor } from './progress.ts';

export interface DeployRequest {
  readonly cluster: string;
  /** Over those of the last deploy. */
  readonly settings: Settings;
  /** Forgets the settings of the last deploy. */
  readonly reset?: boolean;
  /** A table that an earlier cluster left. */
  readonly table?: string;
  readonly skipChecks?: boolean;
}

export interface DeployDeps {
  readonly cloud: Cloud;
  readonly runCdk: RunCdk;
  readonly clock: Clock;
  readonly output: Output;
}

export interface Deployed {
  readonly cluster: string;
  readonly clusterId: string;
  readonly region: string;
  readonly account: string;
  readonly endpoint: string;
  readonly table?: string;
  /** The role to be assumed where whoever deployed has no access entry. */
  readonly role?: string;
}

export const stackNameOf = (cluster: string): string => `nodeless-${cluster}`;

/** Throws UserError with cause and remedy; what has been made so far stays, and the next deploy goes on from there. */
export async function deployCluster(request: DeployRequest, deps: DeployDeps): Promise<Deployed> {
  const { cloud, output } = deps;
  const { cluster } = request;
  if (!/^[a-z](?:[a-z0-9-]{0,22}[a-z0-9])?$/.test(cluster))
    throw new UserError(
      `--cluster: ${JSON.stringify(cluster)} must be 1 to 24 lower case letters, digits and hyphens and begin with a letter`,
    );
  const identity = await cloud.identity();
  output.note(`Deploying ${cluster} to ${cloud.region} of account ${identity.account}, as ${identity.arn}`);
  const stackName = stackNameOf(cluster);
  const before = await cloud.stack(stackName);
  // Its names are taken, and another stack would not get further than that.
  if (!before && (await cloud.parameters(cluster)))
    throw new UserError(
      `the cluster ${cluster} is in another stack than ${stackName}: deploy the app that it is part of, or choose another --cluster`,
    );
  await check(request, deps, before !== undefined);
  const existing = request.table ? await tableToTake(request.table, cloud) : undefined;
  if (!before && !existing) await tellOfLeftTables(cluster, deps);
  await bootstrap(identity, deps);

  const earlier = before && !request.reset ? await cloud.stackOptions(stackName) : undefined;
  const settings = mergeSettings(earlier, request.settings, { cluster }, existing && { state: { existing } });
  const own = principalOf(identity.arn);
  const admins = new Set([...((settings['admins'] ?? []) as string[]), ...(own ? [own] : [])]);
  await changeStack(stackName, { ...settings, admins: [...admins] }, deps);

  const parameters = await cloud.parameters(cluster);
  const endpoint = parameters?.get('endpoint');
  if (!endpoint) throw new UserError('the stack is there, but its parameters cannot be read: deploy again');
  const outputs = (await cloud.stack(stackName))?.outputs ?? {};
  return {
    cluster,
    clusterId: parameters?.get('cluster-id') ?? cluster,
    region: cloud.region,
    account: identity.account,
    endpoint,
    table: outputs['TableName'],
    ...(own ? {} : { role: outputs['AdminRole'] }),
  };
}

async function check({ skipChecks }: DeployRequest, { cloud, output }: DeployDeps, existing: boolean): Promise<void> {
  if (skipChecks) return;
  const findings = await checkQuotas(cloud, existing);
  for (const { check: what, status, message } of findings) {
    if (status === 'ok') continue;
    output.note(
      `  ${output.style(status === 'problem' ? 'red' : 'yellow', status === 'problem' ? '✗' : '!')} ${what}: ${message}`,
    );
  }
  const problems = findings.filter(({ status }: Finding) => status === 'problem');
  if (problems.length > 0)
    throw new UserError(
      `the account's quotas leave no room for a cluster: ${problems.map((one) => one.check).join(', ')} (--skip-checks deploys all the same)`,
    );
}

async function tableToTake(tableName: string, cloud: Cloud): Promise<Settings> {
  const streamArn = await cloud.streamOf(tableName);
  if (!streamArn)
    throw new UserError(`--table: there is no table ${JSON.stringify(tableName)} with a stream in ${cloud.region}`);
  return { tableName, streamArn };
}

async function tellOfLeftTables(cluster: string, { cloud, output }: DeployDeps): Promise<void> {
  // Whoever may not list tables is not kept from deploying.
  const tables = await cloud.tables(`${stackNameOf(cluster)}-`).catch(() => []);
  for (const table of tables)
    output.note(
      `An earlier cluster of this name left the table ${table}. --table ${table} would take it over with all its objects; without that it stays as it is.`,
    );
}

async function bootstrap({ account }: Identity, { cloud, runCdk, output }: DeployDeps): Promise<void> {
  if (await cloud.isBootstrapped()) return;
  output.note('Preparing the account for the CDK (once for each region): cdk bootstrap');
  const { code, said } = await runCdk({
    command: 'bootstrap',
    args: [`aws://${account}/${cloud.region}`],
    region: cloud.region,
    profile: cloud.profile,
  });
  if (code !== 0) throw new UserError(`cdk bootstrap failed: ${essenceOf(said)}`);
}

async function changeStack(stackName: string, settings: Settings, deps: DeployDeps): Promise<void> {
  const { cloud, runCdk, clock, output } = deps;
  const follower = createStackFollower({ cloud, clock, output, stackName });
  const status = async (): Promise<string | undefined> => (await cloud.stack(stackName))?.status;
  for (;;) {
    const plan = planDeploy(await cloud.stack(stackName));
    if (plan.action === 'refuse') throw new UserError(plan.message as string);
    if (plan.message) output.note(plan.message);
    await follower.start();
    if (plan.action === 'wait') {
      await follower.until(async () => isSettled(await status()));
      continue;
    }
    if (plan.action === 'continue-rollback') {
      const undone = await childAndEvents(
        runCdk({ command: 'rollback', args: [stackName], region: cloud.region, profile: cloud.profile }),
        follower,
      );
      if (undone.code !== 0)
        throw new UserError(`it could not be undone: ${undone.failures[0] ?? essenceOf(undone.said)}`);
      continue;
    }
    const work = mkdtempSync(join(tmpdir(), 'nodeless-deploy-'));
    try {
      const args = [
        'NodelessStack',
        '--require-approval',
        'never',
        '--output',
        join(work, 'cdk.out'),
        '--context',
        `nodeless=${JSON.stringify(settings)}`,
        ...(plan.rollback ? [] : ['--no-rollback']),
      ];
      output.note('Making the template and uploading the functions …');
      const result = await childAndEvents(
        runCdk({ command: 'deploy', args, region: cloud.region, profile: cloud.profile }),
        follower,
      );
      const after = await status();
      if (result.code === 0 && isDeployed(after)) return;
      const cause = result.failures[0] ?? essenceOf(result.said);
      const remedy = remedyFor(cause);
      const goesOn = after === undefined ? '' : ' What has been made stays; the same command goes on from there.';
      throw new UserError(`the deploy failed: ${cause}${remedy ? `\n  → ${remedy}` : ''}\n${goesOn}`.trimEnd());
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
}

async function childAndEvents(
  child: ReturnType<RunCdk>,
  follower: ReturnType<typeof createStackFollower>,
): Promise<{ code: number; said: string; failures: readonly string[] }> {
  let ended = false;
  const watched = child.finally(() => (ended = true));
  const [result, failures] = await Promise.all([watched, follower.until(async () => await Promise.resolve(ended))]);
  return { ...result, failures };
}

/** Asks until the API answers: a function URL that is new may take some seconds. Answers whether it did. */
export async function waitUntilReady(
  endpoint: string,
  clock: Clock,
  { fetch: ask = fetch, limitMs = 60_000 }: { fetch?: typeof fetch; limitMs?: number } = {},
): Promise<boolean> {
  const until = clock.now() + limitMs;
  for (;;) {
    const answer = await ask(`${endpoint}/readyz`, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
    if (answer?.ok) return true;
    if (clock.now() >= until) return false;
    await sleep(clock, 2_000);
  }
}
