/** Load balancers and names against a whole AWS (emulator or account): made, changed, adopted, removed. */
import {
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteSecurityGroupCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DescribeAvailabilityZonesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import {
  DescribeListenersCommand,
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  CreateHostedZoneCommand,
  DeleteHostedZoneCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
  ChangeResourceRecordSetsCommand,
} from '@aws-sdk/client-route-53';
import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock } from '@nodeless/component-base/clock';
import { buildApplicationModel } from '@nodeless/controllers/ingress/application-model';
import type { DnsRecord } from '@nodeless/controllers/load-balancers/dns/records';
import { createZoneWriter } from '@nodeless/controllers/load-balancers/dns/zone-writer';
import type { DesiredStack } from '@nodeless/controllers/load-balancers/elbv2/desired-stack';
import { type Elbv2, createElbv2 } from '@nodeless/controllers/load-balancers/elbv2/elbv2';
import { createElbv2BackendHealth } from '@nodeless/controllers/load-balancers/elbv2/elbv2-backend-health';
import { createElbv2LoadBalancers } from '@nodeless/controllers/load-balancers/elbv2/elbv2-load-balancers';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aModel } from './elbv2-rig-set.ts';
import { useAws } from './harness.ts';
import { validated } from './rigs/request-validation.ts';

const aws = useAws();
const cluster = `t${randomBytes(4).toString('hex')}`;
const domain = `${cluster}.local`;
/** Of this machine, with timers that keep a test alive. */
const clock: Clock = {
  now: () => Date.now(),
  setTimer(callback, ms) {
    const timer = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
/** An account takes its time, an emulator does not. */
const patienceMs = 10 * 60_000;

let elb: ElasticLoadBalancingV2Client;
let ec2: EC2Client;
let route53: Route53Client;
let vpc = '';
let zone = '';
let backend = '';
const subnets: string[] = [];

beforeAll(async () => {
  if (!aws()) return;
  const { settings } = aws();
  elb = new ElasticLoadBalancingV2Client(settings);
  ec2 = new EC2Client(settings);
  route53 = new Route53Client(settings);
  vpc = (await ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }))).Vpc?.VpcId ?? '';
  const { AvailabilityZones = [] } = await ec2.send(new DescribeAvailabilityZonesCommand({}));
  for (const [i, { ZoneName }] of AvailabilityZones.slice(0, 2).entries()) {
    const { Subnet } = await ec2.send(
      new CreateSubnetCommand({ VpcId: vpc, CidrBlock: `10.0.${i}.0/24`, AvailabilityZone: ZoneName }),
    );
    subnets.push(Subnet?.SubnetId ?? '');
  }
  const made = await ec2.send(
    new CreateSecurityGroupCommand({ GroupName: `${cluster}-backend`, Description: 'pods', VpcId: vpc }),
  );
  backend = made.GroupId ?? '';
  const { HostedZone } = await route53.send(
    new CreateHostedZoneCommand({
      Name: domain,
      CallerReference: cluster,
      VPC: { VPCId: vpc, VPCRegion: aws().engine.region as never },
    }),
  );
  zone = HostedZone?.Id?.split('/').at(-1) ?? '';
}, 60_000);

afterAll(async () => {
  if (!aws()) return;
  const { ResourceRecordSets = [] } = await route53.send(new ListResourceRecordSetsCommand({ HostedZoneId: zone }));
  const Changes = ResourceRecordSets.filter(({ Type }) => Type !== 'NS' && Type !== 'SOA').map((ResourceRecordSet) => ({
    Action: 'DELETE' as const,
    ResourceRecordSet,
  }));
  if (Changes.length > 0)
    await route53.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zone, ChangeBatch: { Changes } }));
  await route53.send(new DeleteHostedZoneCommand({ Id: zone }));
  await ec2.send(new DeleteSecurityGroupCommand({ GroupId: backend }));
  for (const SubnetId of subnets) await ec2.send(new DeleteSubnetCommand({ SubnetId }));
  await ec2.send(new DeleteVpcCommand({ VpcId: vpc })).catch((error: unknown) => {
    // An emulator that ends with the tests may keep it.
    if (aws().engine.engine === 'external') throw error;
  });
}, 60_000);

/** One that remembers nothing. */
const fresh = (): Elbv2 =>
  createElbv2({
    elbv2: validated(new ElasticLoadBalancingV2Client(aws().settings)),
    ec2: validated(new EC2Client(aws().settings)),
    clock,
    cluster,
    vpcId: vpc,
    subnets: { public: [], private: subnets },
    securityGroup: backend,
  });

async function until<T extends { readonly retryAfterMs?: number } | void>(work: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + patienceMs; ;) {
    const answer = await work();
    if (!answer || answer.retryAfterMs === undefined) return answer;
    if (Date.now() > end) throw new Error('it took too long');
    // An emulator is done at once.
    const ms = aws().engine.engine === 'external' ? answer.retryAfterMs : 100;
    await new Promise<void>((resolve) => {
      clock.setTimer(resolve, ms);
    });
  }
}
const left = async (): Promise<readonly unknown[]> => fresh().deployer.inventory.owners();

describe('load balancers in an AWS', () => {
  it(
    'come for a Service, follow its pods, are found again, and go without a trace',
    async () => {
      const first = await until(() => createElbv2LoadBalancers(fresh()).ensure(aModel()));
      expect(first.ingress[0]?.hostname).toMatch(/nl-web-/);
      const elbv2 = fresh();
      const provider = createElbv2LoadBalancers(elbv2);
      expect((await until(() => provider.ensure(aModel()))).ingress).toEqual(first.ingress);
      const [port] = aModel().ports;
      const moved = [{ address: '10.0.0.9', port: 8080, nodeName: 'n' }];
      await until(() => provider.ensure(aModel({ ports: [{ ...port!, targets: moved, candidates: moved }] })));
      const [group] = await createElbv2BackendHealth(elbv2.deployer).of('default', 'web');
      expect([...(group?.targets ?? [])].filter(([, { health }]) => health !== 'draining').map(([ip]) => ip)).toEqual([
        '10.0.0.9',
      ]);
      expect(await provider.list()).toEqual([{ namespace: 'default', name: 'web', uid: 'u1' }]);
      await until(() => createElbv2LoadBalancers(fresh()).remove(aModel().owner));
      expect(await left()).toEqual([]);
    },
    patienceMs,
  );

  it(
    'come for a group of Ingresses, with rules in their order',
    async () => {
      const service: Service = {
        metadata: { name: 'web', namespace: 'default' },
        spec: { ports: [{ port: 80, protocol: 'TCP' }] },
      };
      const backendOf = { service: { name: 'web', port: { number: 80 } } };
      const stack = async (paths: readonly string[]): Promise<DesiredStack> =>
        buildApplicationModel({
          group: { name: 'g' },
          members: [
            {
              metadata: { name: 'i', namespace: 'default' },
              spec: {
                rules: [
                  {
                    host: 'a.example.com',
                    http: { paths: paths.map((path) => ({ path, pathType: 'Prefix', backend: backendOf })) },
                  },
                ],
              },
            },
          ],
          around: await fresh().surroundings(),
          service: () => service,
          targets: () => [{ address: '10.0.0.1', port: 80 }],
          certificateFor: () => undefined,
        }).stack;
      const rules = async (): Promise<string[]> => {
        const { loadBalancers } = await fresh().deployer.inventory.find({ kind: 'ingress', id: 'g', uid: '' });
        const LoadBalancerArn = loadBalancers[0]?.item.LoadBalancerArn;
        const { Listeners = [] } = await elb.send(new DescribeListenersCommand({ LoadBalancerArn }));
        const { Rules = [] } = await elb.send(new DescribeRulesCommand({ ListenerArn: Listeners[0]?.ListenerArn }));
        return Rules.filter(({ IsDefault }) => !IsDefault)
          .toSorted((a, b) => Number(a.Priority) - Number(b.Priority))
          .map(
            ({ Conditions = [] }) =>
              Conditions.find(({ Field }) => Field === 'path-pattern')?.PathPatternConfig?.Values?.at(-1) ?? '',
          );
      };
      const deploy = async (paths: readonly string[]): Promise<void> => {
        const wanted = await stack(paths);
        await until(async () => {
          const { active, leftovers } = await fresh().deployer.deploy(wanted);
          return active && !leftovers ? {} : { retryAfterMs: 15_000 };
        });
      };
      await deploy(['/', '/a']);
      expect(await rules()).toEqual(['/a/*', '/*']);
      await deploy(['/b', '/', '/a/b/c']);
      expect(await rules()).toEqual(['/a/b/c/*', '/b/*', '/*']);
      await until(async () =>
        (await fresh().deployer.remove({ kind: 'ingress', id: 'g', uid: '' })) ? undefined : { retryAfterMs: 10_000 },
      );
      expect(await left()).toEqual([]);
    },
    patienceMs,
  );

  it('have names in a zone that several writers keep', async () => {
    const writer = () =>
      createZoneWriter({ client: validated(new Route53Client(aws().settings)), zoneId: zone, domain, clock });
    const a = (name: string, value: string): DnsRecord => ({
      name: `${name}.default.svc.${domain}.`,
      type: 'A',
      ttl: 5,
      values: [value],
    });
    const shown = async (): Promise<string[]> =>
      ((await route53.send(new ListResourceRecordSetsCommand({ HostedZoneId: zone }))).ResourceRecordSets ?? [])
        .filter(({ Type }) => Type === 'A')
        .map(({ Name, ResourceRecords = [] }) => `${Name?.split('.')[0]} ${ResourceRecords[0]?.Value}`);
    const [one, two] = [writer(), writer()];
    await until(() => one.write([a('x', '10.0.0.1'), a('y', '10.0.0.1')]));
    expect(await shown()).toEqual(['x 10.0.0.1', 'y 10.0.0.1']);
    await until(() => two.write([a('x', '10.0.0.2')]));
    expect(await shown()).toEqual(['x 10.0.0.2']);
    await until(() => one.write([a('x', '10.0.0.1')]));
    expect(await shown()).toEqual(['x 10.0.0.1']);
    await until(() => one.write([]));
    expect(await shown()).toEqual([]);
  }, 60_000);
});
