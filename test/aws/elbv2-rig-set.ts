/** Models of ELBv2 and security groups, and the load balancers of a cluster over them. */
import { Socket } from 'node:net';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { type ManualClock, createManualClock } from '@nodeless/component-base/manual-clock';
import { type Elbv2, createElbv2 } from '@nodeless/controllers/load-balancers/elbv2/elbv2';
import { createElbv2LoadBalancers } from '@nodeless/controllers/load-balancers/elbv2/elbv2-load-balancers';
import type { LoadBalancerModel, LoadBalancerProvider } from '@nodeless/controllers/load-balancers/load-balancer';
import { type Ec2Rig, createEc2Rig } from './rigs/ec2-security-groups.ts';
import { type Elbv2Rig, type Elbv2RigOptions, createElbv2Rig } from './rigs/elbv2.ts';
import { clientSettings } from './rigs/request-handler.ts';
import { type RequestValidation, validateRequests } from './rigs/request-validation.ts';

export interface Elbv2Set {
  readonly clock: ManualClock;
  readonly elb: Elbv2Rig;
  readonly ec2: Ec2Rig;
  readonly elbClient: ElasticLoadBalancingV2Client;
  readonly ec2Client: EC2Client;
  readonly validations: readonly RequestValidation[];
  /** One that remembers nothing, as a function that has just started. */
  fresh(): { readonly elbv2: Elbv2; readonly provider: LoadBalancerProvider };
  /** What of ours stands in AWS. */
  leftovers(): string[];
}

const releaseMs = 30_000;

export function createElbv2Set({
  clock = createManualClock(),
  ...options
}: Partial<Elbv2RigOptions> & { clock?: ManualClock } = {}): Elbv2Set {
  const carried = new Map<string, number>();
  const ec2 = createEc2Rig({
    clock,
    existing: ['sg-backend', 'sg-mine'],
    inUse: (id) =>
      [...elb.state.loadBalancers.values()].some((lb) => lb.securityGroups.includes(id)) ||
      (carried.get(id) ?? -Infinity) > clock.now(),
  });
  const elb = createElbv2Rig({
    clock,
    // Nobody is there; nothing of it leaves the machine.
    dial() {
      const socket = new Socket();
      queueMicrotask(() => socket.destroy(new Error('refused')));
      return socket;
    },
    securityGroupExists: (id) => ec2.groups.has(id),
    onReleased: (lb) => lb.securityGroups.forEach((id) => carried.set(id, clock.now() + releaseMs)),
    certificates: [
      'arn:aws:acm:us-east-1:123456789012:certificate/a',
      'arn:aws:acm:us-east-1:123456789012:certificate/b',
    ],
    ...options,
  });
  const elbClient = new ElasticLoadBalancingV2Client({ ...clientSettings, requestHandler: elb.requestHandler });
  const ec2Client = new EC2Client({ ...clientSettings, requestHandler: ec2.requestHandler });
  return {
    clock,
    elb,
    ec2,
    elbClient,
    ec2Client,
    validations: [validateRequests(elbClient), validateRequests(ec2Client)],
    fresh() {
      const elbv2 = createElbv2({
        elbv2: elbClient,
        ec2: ec2Client,
        clock,
        cluster: 'test',
        vpcId: 'vpc-1',
        subnets: { public: ['subnet-a', 'subnet-b'], private: ['subnet-a', 'subnet-b'] },
        securityGroup: 'sg-backend',
      });
      return { elbv2, provider: createElbv2LoadBalancers(elbv2) };
    },
    leftovers: () => [
      ...[...elb.state.loadBalancers.values()].map(({ name }) => name),
      ...[...elb.state.targetGroups.values()].map(({ name }) => name),
      ...elb.state.listeners.keys(),
      ...[...ec2.groups.keys()].filter((id) => !['sg-backend', 'sg-mine'].includes(id)),
    ],
  };
}

/** A Service `default/web` with port 80 and two pods. */
export function aModel(overrides: Partial<LoadBalancerModel> = {}): LoadBalancerModel {
  const targets = ['10.0.0.1', '10.0.0.2'].map((address) => ({ address, port: 8080, nodeName: 'n' }));
  return {
    owner: { namespace: 'default', name: 'web', uid: 'u1' },
    ports: [
      { name: '', protocol: 'TCP', port: 80, nodePort: undefined, targets, candidates: targets, targetPort: 8080 },
    ],
    sourceRanges: [],
    affinitySeconds: undefined,
    requestedIp: '',
    previous: [],
    previousElsewhere: '',
    annotations: {},
    ...overrides,
  };
}
