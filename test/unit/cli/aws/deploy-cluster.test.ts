import type { CdkRun } from 'nodeless/aws/cdk';
import { deployCluster, type DeployRequest, waitUntilReady } from 'nodeless/aws/deploy-cluster';
import { describe, expect, it } from 'vitest';
import {
  createFakeCdk,
  createFakeCloud,
  createFakeOutput,
  createManualClock,
  type FakeCloud,
  throughTime,
} from './fake-cloud.ts';

const stackName = 'nodeless-main';
const parameters = new Map([
  ['endpoint', 'https://abc.lambda-url.eu-central-1.on.aws'],
  ['cluster-id', 'main-0f0e1d2c'],
]);

/** The CDK brings the stack to its end, as it does when nothing goes wrong. */
function goesWell(cloud: FakeCloud) {
  return (run: CdkRun) => {
    if (run.command === 'bootstrap') cloud.bootstrapped = true;
    else {
      const verb = cloud.stacks.get(stackName)?.status.startsWith('CREATE_COMPLETE') ? 'UPDATE' : 'CREATE';
      cloud.happen(stackName, `${verb}_IN_PROGRESS`);
      cloud.happen(stackName, `${verb}_IN_PROGRESS`, {
        logicalId: 'ClusterStateTable13E806D3',
        type: 'AWS::DynamoDB::Table',
        status: `${verb}_IN_PROGRESS`,
        ofStack: false,
      });
      cloud.happen(stackName, `${verb}_COMPLETE`, {
        logicalId: 'ClusterStateTable13E806D3',
        type: 'AWS::DynamoDB::Table',
        status: `${verb}_COMPLETE`,
        ofStack: false,
      });
      cloud.happen(stackName, `${verb}_COMPLETE`);
      cloud.stacks.set(stackName, {
        ...cloud.stacks.get(stackName)!,
        outputs: {
          TableName: 'nodeless-main-Table-1',
          AdminRole: 'arn:aws:iam::123456789012:role/nodeless-main-admin',
        },
      });
      cloud.parametersOf.set('main', parameters);
    }
    return { code: 0, said: '' };
  };
}

async function deploy(
  cloud: FakeCloud,
  request: Partial<DeployRequest> = {},
  act: (run: CdkRun) => { code: number; said: string } = goesWell(cloud),
) {
  const clock = createManualClock();
  const output = createFakeOutput();
  const { runs, runCdk } = createFakeCdk(act);
  const result = throughTime(
    clock,
    deployCluster({ cluster: 'main', settings: {}, ...request }, { cloud, runCdk, clock, output }),
  );
  const [outcome] = await Promise.allSettled([result]);
  const settings = (run = runs.findLast(({ command }) => command === 'deploy')): Record<string, unknown> =>
    JSON.parse(run?.args.find((arg) => arg.startsWith('nodeless='))?.slice('nodeless='.length) ?? 'null') as Record<
      string,
      unknown
    >;
  return {
    outcome,
    runs,
    output,
    settings,
    deployed: outcome.status === 'fulfilled' ? outcome.value : undefined,
    error: outcome.status === 'rejected' ? (outcome.reason as Error).message : undefined,
  };
}

describe('nodeless deploy', () => {
  it('makes a cluster, tells its progress and ends with where it is', async () => {
    const cloud = createFakeCloud();
    const { deployed, output, runs, settings } = await deploy(cloud, { settings: { network: { egress: 'ipv6' } } });
    expect(deployed).toEqual({
      cluster: 'main',
      clusterId: 'main-0f0e1d2c',
      region: 'eu-central-1',
      account: '123456789012',
      endpoint: parameters.get('endpoint'),
      table: 'nodeless-main-Table-1',
    });
    expect(output.notes[0]).toContain('eu-central-1 of account 123456789012');
    expect(output.notes).toContain('  ✓ State Table (AWS::DynamoDB::Table) made (1 s)');
    expect(runs.map(({ command }) => command)).toEqual(['deploy']);
    expect(settings()).toEqual({
      cluster: 'main',
      network: { egress: 'ipv6' },
      admins: ['arn:aws:iam::123456789012:role/Ops'],
    });
    // What succeeded stays when something fails: the next deploy goes on from there.
    expect(runs[0]?.args).toContain('--no-rollback');
  });

  it('keeps the settings and admins of the last deploy, and lets CloudFormation undo a change that fails', async () => {
    const cloud = createFakeCloud();
    cloud.happen(stackName, 'CREATE_COMPLETE');
    cloud.optionsOf.set(stackName, {
      cluster: 'main',
      network: { egress: 'ipv6', zones: 3 },
      admins: ['arn:aws:iam::123456789012:user/bob'],
    });
    const { settings, runs } = await deploy(cloud, { settings: { network: { zones: 4 } } });
    expect(settings()).toEqual({
      cluster: 'main',
      network: { egress: 'ipv6', zones: 4 },
      admins: ['arn:aws:iam::123456789012:user/bob', 'arn:aws:iam::123456789012:role/Ops'],
    });
    expect(runs[0]?.args).not.toContain('--no-rollback');
    expect((await deploy(cloud, { reset: true })).settings()).toEqual({
      cluster: 'main',
      admins: ['arn:aws:iam::123456789012:role/Ops'],
    });
  });

  it('prepares the account for the CDK once', async () => {
    const cloud = createFakeCloud({ bootstrapped: false });
    const { runs, output } = await deploy(cloud);
    expect(runs.map(({ command, args }) => [command, args[0]])).toEqual([
      ['bootstrap', 'aws://123456789012/eu-central-1'],
      ['deploy', 'NodelessStack'],
    ]);
    expect(output.notes.join('\n')).toContain('cdk bootstrap');
  });

  it('names a role to assume for who cannot have an access entry', async () => {
    const cloud = createFakeCloud({ arn: 'arn:aws:sts::123456789012:federated-user/ann' });
    const { deployed, settings } = await deploy(cloud);
    expect(settings()['admins']).toEqual([]);
    expect(deployed?.role).toBe('arn:aws:iam::123456789012:role/nodeless-main-admin');
  });

  it('stops at quotas that leave no room, with the command that raises them', async () => {
    const cloud = createFakeCloud();
    cloud.quotas = { ...cloud.quotas, vpcs: { limit: 5, used: 5 }, fargateVcpu: { limit: 6 } };
    const { error, output, runs } = await deploy(cloud);
    expect(error).toContain('VPCs');
    expect(runs).toEqual([]);
    expect(output.notes.join('\n')).toContain('--service-code vpc --quota-code L-F678F1CE');
    // Six vCPUs are few, but a beginning.
    expect(output.notes.join('\n')).toContain('! Fargate vCPUs: 6 vCPUs in eu-central-1: 24 pods');
    expect((await deploy(cloud, { skipChecks: true })).error).toBeUndefined();
  });

  it('goes on where an earlier deploy stopped', async () => {
    const cloud = createFakeCloud();
    cloud.happen(stackName, 'CREATE_FAILED', {
      reason: 'The following resource(s) failed to create: [ClusterNetworkVpc]',
    });
    const { output, runs, deployed } = await deploy(cloud);
    expect(output.notes.join('\n')).toContain(
      'An earlier deploy stopped half way (The following resource(s) failed to create: [ClusterNetworkVpc]). It goes on from there.',
    );
    expect(runs[0]?.args).toContain('--no-rollback');
    expect(deployed).toBeDefined();
  });

  it('waits for somebody who is at it already', async () => {
    const cloud = createFakeCloud();
    cloud.happen(stackName, 'UPDATE_IN_PROGRESS');
    let asked = 0;
    const original = cloud.stack;
    const patient: FakeCloud = Object.assign(cloud, {
      stack: async (name: string) => {
        if (++asked === 6) cloud.happen(stackName, 'UPDATE_COMPLETE');
        return await original(name);
      },
    });
    const { output, runs } = await deploy(patient);
    expect(output.notes.join('\n')).toContain('Somebody is at it already (UPDATE_IN_PROGRESS)');
    expect(runs).toHaveLength(1);
  });

  it('undoes first what could not be undone', async () => {
    const cloud = createFakeCloud();
    cloud.happen(stackName, 'UPDATE_ROLLBACK_FAILED');
    const well = goesWell(cloud);
    const { runs } = await deploy(cloud, {}, (run) => {
      if (run.command === 'rollback') {
        cloud.happen(stackName, 'UPDATE_ROLLBACK_COMPLETE');
        return { code: 0, said: '' };
      }
      return well(run);
    });
    expect(runs.map(({ command }) => command)).toEqual(['rollback', 'deploy']);
  });

  it('refuses a cluster that is half removed', async () => {
    const cloud = createFakeCloud();
    cloud.happen(stackName, 'DELETE_FAILED');
    const { error, runs } = await deploy(cloud);
    expect(error).toContain('nodeless destroy');
    expect(runs).toEqual([]);
  });

  const failures: [string, string, string][] = [
    [
      'a VPC too many',
      'Resource handler returned message: "The maximum number of VPCs has been reached."',
      'have the quota raised',
    ],
    [
      'a missing permission',
      'User: arn:aws:iam::1:user/x is not authorized to perform: dynamodb:CreateTable on resource: t',
      'ask for dynamodb:CreateTable',
    ],
    [
      'concurrency that there is not',
      "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value",
      'leave reservedConcurrency out',
    ],
    ['a name that is taken', 'nodeless-main-admin already exists in stack x', 'choose another --cluster'],
  ];
  for (const [name, reason, remedy] of failures)
    it(`tells the cause and the remedy of ${name}`, async () => {
      const cloud = createFakeCloud();
      const { error } = await deploy(cloud, {}, () => {
        cloud.happen(stackName, 'CREATE_IN_PROGRESS');
        cloud.happen(stackName, 'CREATE_IN_PROGRESS', {
          logicalId: 'Other',
          type: 'AWS::SQS::Queue',
          status: 'CREATE_FAILED',
          reason: 'Resource creation cancelled',
          ofStack: false,
        });
        cloud.happen(stackName, 'CREATE_IN_PROGRESS', {
          logicalId: 'ClusterThing12345678',
          type: 'AWS::X::Y',
          status: 'CREATE_FAILED',
          reason,
          ofStack: false,
        });
        cloud.happen(stackName, 'CREATE_FAILED', { reason: 'The following resource(s) failed to create' });
        return { code: 1, said: 'x' };
      });
      expect(error).toContain(reason);
      expect(error).toContain(remedy);
      expect(error).toContain('the same command goes on from there');
    });

  it('tells what the CDK says when nothing came to CloudFormation', async () => {
    const said =
      'x\nError: nodeless cannot be set up like this:\n- network.zones: must be 2, 3 or 4\n    at resolveSettings\n';
    const { error } = await deploy(createFakeCloud(), {}, () => ({ code: 1, said }));
    expect(error).toBe('the deploy failed: nodeless cannot be set up like this:\n- network.zones: must be 2, 3 or 4');
  });

  it('takes over the table of an earlier cluster, and tells of one that it could take over', async () => {
    const cloud = createFakeCloud({ tableNames: ['nodeless-main-Table-9'] });
    const { output } = await deploy(cloud);
    expect(output.notes.join('\n')).toContain('--table nodeless-main-Table-9 would take it over');
    const { settings } = await deploy(createFakeCloud({ tableNames: ['nodeless-main-Table-9'] }), {
      table: 'nodeless-main-Table-9',
    });
    expect(settings()['state']).toEqual({
      existing: { tableName: 'nodeless-main-Table-9', streamArn: 'arn:stream/nodeless-main-Table-9' },
    });
    expect((await deploy(createFakeCloud(), { table: 'none' })).error).toContain('there is no table "none"');
  });

  it('leaves a cluster alone that is part of another app', async () => {
    const cloud = createFakeCloud();
    cloud.parametersOf.set('main', parameters);
    const { error, runs } = await deploy(cloud);
    expect(error).toContain('is in another stack than nodeless-main');
    expect(runs).toEqual([]);
  });

  it('refuses a name that nothing could be named by', async () => {
    const { error } = await deploy(createFakeCloud(), { cluster: 'My Cluster' });
    expect(error).toContain('--cluster: "My Cluster"');
  });
});

describe('waiting for the API', () => {
  const answering = (after: number): typeof fetch => {
    let asked = 0;
    return (async (url: string) => {
      expect(url).toBe('https://x/readyz');
      if (++asked < after) throw new Error('fetch failed');
      return await Promise.resolve(new Response('ok'));
    }) as unknown as typeof fetch;
  };
  it('ends when it answers', async () => {
    const clock = createManualClock();
    expect(await throughTime(clock, waitUntilReady('https://x', clock, { fetch: answering(5) }))).toBe(true);
  });
  it('ends when it has waited long enough', async () => {
    const clock = createManualClock();
    expect(
      await throughTime(clock, waitUntilReady('https://x', clock, { fetch: answering(1e9), limitMs: 5_000 })),
    ).toBe(false);
  });
});
