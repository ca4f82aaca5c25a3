import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import { buildApplicationModel } from '@nodeless/controllers/ingress/application-model';
import type { LoadBalancerModel, LoadBalancerState } from '@nodeless/controllers/load-balancers/load-balancer';
import { describe, expect, it } from 'vitest';
import { type Elbv2Set, aModel, createElbv2Set } from './elbv2-rig-set.ts';
import { injectFaults } from './rigs/faults.ts';

const prefix = 'service.beta.kubernetes.io/aws-load-balancer-';
const noted = (name: string, value: string): Partial<LoadBalancerModel> => ({
  annotations: { [prefix + name]: value },
});

/** As the service controller does it, with a provider that was just started each time; gives up after `attempts`. */
async function ensured(set: Elbv2Set, model: LoadBalancerModel, attempts = 60): Promise<LoadBalancerState> {
  let last: unknown;
  for (let i = 0; i < attempts; i++) {
    let wait = 20_000;
    try {
      const state = await set.fresh().provider.ensure(model);
      if (state.retryAfterMs === undefined) return state;
      wait = state.retryAfterMs;
    } catch (error) {
      last = error;
    }
    await set.clock.advance(wait);
  }
  throw new Error('was not ensured', { cause: last });
}
async function removed(set: Elbv2Set, attempts = 60): Promise<void> {
  for (let i = 0; i < attempts; i++) {
    try {
      if (!(await set.fresh().provider.remove(aModel().owner))) return;
    } catch {
      // Tried again.
    }
    await set.clock.advance(10_000);
  }
  throw new Error('was not removed');
}
const balancers = ({ elb }: Elbv2Set) => [...elb.state.loadBalancers.values()];
const groups = ({ elb }: Elbv2Set) => [...elb.state.targetGroups.values()];
const listeners = ({ elb }: Elbv2Set) => [...elb.state.listeners.values()];

describe('network load balancers', () => {
  it('come into being with listeners, targets and security groups, and go without a trace', async () => {
    const set = createElbv2Set();
    const state = await ensured(set, aModel());
    const [lb] = balancers(set);
    expect(state.ingress).toEqual([
      { hostname: expect.stringMatching(/^internal-nl-web-.*\.elb\.us-east-1\.amazonaws\.com$/) },
    ]);
    expect(lb).toMatchObject({ type: 'network', scheme: 'internal', state: 'active' });
    expect(Object.fromEntries(lb?.tags ?? [])).toEqual({
      'nodeless.dev/cluster': 'test',
      'nodeless.dev/service': 'default/web',
      'nodeless.dev/shape': expect.any(String),
      'nodeless.dev/uid': 'u1',
    });
    expect(listeners(set)).toMatchObject([{ port: 80, protocol: 'TCP' }]);
    expect([...(groups(set)[0]?.targets.keys() ?? [])]).toEqual(['10.0.0.1:8080', '10.0.0.2:8080']);
    const own = lb?.securityGroups.find((id) => id !== 'sg-backend') ?? '';
    expect([...(set.ec2.groups.get(own)?.ingress ?? [])]).toEqual(['tcp 80-80 10.0.0.0/16']);
    expect(lb?.securityGroups).toContain('sg-backend');
    await removed(set);
    expect(set.leftovers()).toEqual([]);
    for (const { violations } of set.validations) expect(violations).toEqual([]);
  });

  it('follow their targets in few calls', async () => {
    const set = createElbv2Set();
    await ensured(set, aModel());
    const { provider } = set.fresh();
    await provider.ensure(aModel());
    set.elb.faults.calls.length = 0;
    const [port] = aModel().ports;
    const one = [{ address: '10.0.0.3', port: 8080, nodeName: 'n' }];
    await provider.ensure(
      aModel({ ports: [{ ...(port as NonNullable<typeof port>), targets: one, candidates: one }] }),
    );
    expect(set.elb.faults.calls).toEqual([
      'DescribeTags',
      'DescribeTargetHealth',
      'RegisterTargets',
      'DeregisterTargets',
    ]);
  });

  it('are not taken for what this process made of them where another one was there since', async () => {
    const set = createElbv2Set();
    const [first, second] = [set.fresh().provider, set.fresh().provider];
    const sticky = aModel({ affinitySeconds: 10 });
    await ensured(set, aModel());
    const attribute = () => groups(set)[0]?.attributes.get('stickiness.enabled');
    await first.ensure(aModel());
    await second.ensure(sticky);
    expect(attribute()).toBe('true');
    await first.ensure(aModel());
    expect(attribute()).toBe('false');
    // The other one dies in the middle of a change.
    set.elb.faults.fail('ModifyTargetGroupAttributes', { code: 'InternalFailure', status: 500, afterwards: true });
    await expect(second.ensure(sticky)).rejects.toThrow('InternalFailure');
    expect(attribute()).toBe('true');
    await first.ensure(aModel());
    expect(attribute()).toBe('false');
  });

  it('repair what others changed', async () => {
    const set = createElbv2Set();
    await ensured(set, aModel());
    const [listener] = listeners(set);
    set.elb.state.listeners.delete(listener?.arn ?? '');
    groups(set)[0]?.attributes.set('deregistration_delay.timeout_seconds', '300');
    for (const group of set.ec2.groups.values()) group.ingress.clear();
    await ensured(set, aModel());
    expect(listeners(set)).toMatchObject([{ port: 80 }]);
    expect(groups(set)[0]?.attributes.get('deregistration_delay.timeout_seconds')).toBe('15');
    expect([...set.ec2.groups.values()].flatMap(({ ingress }) => [...ingress])).toEqual(['tcp 80-80 10.0.0.0/16']);
  });

  it('are made again where they were deleted behind our back', async () => {
    const set = createElbv2Set();
    const { provider } = set.fresh();
    await ensured(set, aModel());
    set.elb.state.loadBalancers.clear();
    set.elb.state.listeners.clear();
    const state = await ensured(set, aModel());
    expect(state.ingress).toHaveLength(1);
    expect(balancers(set)).toHaveLength(1);
    expect(await provider.list()).toEqual([{ namespace: 'default', name: 'web', uid: 'u1' }]);
  });

  it('are adopted by their tags after the cluster was lost', async () => {
    const set = createElbv2Set();
    const before = await ensured(set, aModel());
    const after = await ensured(set, aModel({ owner: { namespace: 'default', name: 'web', uid: 'u2' } }));
    expect(after.ingress).toEqual(before.ingress);
    expect(balancers(set)[0]?.tags.get('nodeless.dev/uid')).toBe('u2');
    expect(groups(set)[0]?.tags.get('nodeless.dev/uid')).toBe('u2');
  });

  it('are replaced by another scheme only when the new one works', async () => {
    const set = createElbv2Set();
    const first = await ensured(set, aModel());
    const { provider } = set.fresh();
    const wanted = aModel({ ...noted('scheme', 'internet-facing'), previous: first.ingress });
    const state = await provider.ensure(wanted);
    expect(state.ingress, 'the old name stays until then').toEqual(first.ingress);
    expect(balancers(set).map(({ scheme }) => scheme)).toEqual(['internal', 'internet-facing']);
    const last = await ensured(set, wanted);
    expect(balancers(set).map(({ scheme }) => scheme)).toEqual(['internet-facing']);
    expect(last.ingress).not.toEqual(first.ingress);
    expect(groups(set)).toHaveLength(1);
    await removed(set);
    expect(set.leftovers()).toEqual([]);
  });

  it('change ports, first the new ones, then the old ones', async () => {
    const set = createElbv2Set();
    await ensured(set, aModel());
    const [port] = aModel().ports as [LoadBalancerModel['ports'][number]];
    await ensured(set, aModel({ ports: [{ ...port, port: 81 }] }));
    expect(listeners(set).map((l) => l.port)).toEqual([81]);
    expect(groups(set)).toHaveLength(1);
    const calls = set.elb.faults.calls;
    expect(calls.lastIndexOf('CreateListener')).toBeLessThan(calls.lastIndexOf('DeleteListener'));
    await ensured(set, aModel({ ports: [{ ...port, protocol: 'UDP', port: 81 }] }));
    expect(listeners(set)).toMatchObject([{ port: 81, protocol: 'UDP' }]);
    expect(groups(set)).toMatchObject([{ protocol: 'UDP' }]);
  });

  it('end TLS, with more certificates than one', async () => {
    const set = createElbv2Set();
    const cert = (id: string): string => `arn:aws:acm:us-east-1:123456789012:certificate/${id}`;
    await ensured(set, aModel(noted('ssl-cert', `${cert('a')},${cert('b')}`)));
    expect(listeners(set)).toMatchObject([{ protocol: 'TLS', certificate: cert('a') }]);
    expect([...(listeners(set)[0]?.moreCertificates ?? [])]).toEqual([cert('b')]);
    await ensured(set, aModel(noted('ssl-cert', cert('b'))));
    expect(listeners(set)).toMatchObject([{ certificate: cert('b') }]);
    await ensured(set, aModel());
    expect(listeners(set)).toMatchObject([{ protocol: 'TCP' }]);
  });

  it('keep the name they were given, and never take one that is not theirs', async () => {
    const set = createElbv2Set();
    await ensured(set, aModel(noted('name', 'shop')));
    await ensured(set, aModel(noted('name', 'other')));
    expect(balancers(set).map(({ name }) => name)).toEqual(['shop']);
    const second = { ...aModel(noted('name', 'shop')), owner: { namespace: 'default', name: 'api', uid: 'u3' } };
    await expect(set.fresh().provider.ensure(second)).rejects.toMatchObject({ reason: 'LoadBalancerNameTaken' });
  });

  it.each<[string, (set: Elbv2Set) => void, Partial<LoadBalancerModel>, string, RegExp, (set: Elbv2Set) => void]>([
    [
      'no room for another load balancer',
      ({ elb }) =>
        elb.faults.fail('CreateLoadBalancer', {
          code: 'TooManyLoadBalancers',
          message: 'The maximum number of load balancers has been reached',
        }),
      {},
      'LoadBalancerQuotaExceeded',
      /Service Quotas/,
      () => {},
    ],
    [
      'a subnet without addresses',
      ({ elb }) => elb.subnets.forEach((subnet) => (subnet.free = 2)),
      {},
      'SubnetUnusable',
      /8 free addresses/,
      ({ elb }) => elb.subnets.forEach((subnet) => (subnet.free = 100)),
    ],
    [
      'a missing permission',
      ({ elb }) =>
        elb.faults.fail('CreateTargetGroup', {
          code: 'AccessDenied',
          status: 403,
          message:
            'User: arn:x is not authorized to perform: elasticloadbalancing:CreateTargetGroup because no identity-based policy allows it',
        }),
      {},
      'PermissionMissing',
      /may not call elasticloadbalancing:CreateTargetGroup/,
      () => {},
    ],
    [
      'a certificate that is not there',
      () => {},
      noted('ssl-cert', 'arn:aws:acm:us-east-1:123456789012:certificate/new'),
      'CertificateNotFound',
      /create or import the certificate/,
      ({ elb }) => elb.certificates.add('arn:aws:acm:us-east-1:123456789012:certificate/new'),
    ],
  ])('tell of %s, and recover', async (_name, breakIt, overrides, reason, message, mend) => {
    const set = createElbv2Set();
    breakIt(set);
    const error: unknown = await set
      .fresh()
      .provider.ensure(aModel(overrides))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason, message: expect.stringMatching(message) });
    mend(set);
    const state = await ensured(set, aModel(overrides));
    expect(state.ingress).toHaveLength(1);
    await removed(set);
    expect(set.leftovers()).toEqual([]);
  });

  it('say why one cannot be deleted', async () => {
    const set = createElbv2Set();
    await ensured(set, aModel(noted('attributes', 'deletion_protection.enabled=true')));
    await expect(set.fresh().provider.remove(aModel().owner)).rejects.toMatchObject({
      reason: 'OperationNotPermitted',
      message: expect.stringMatching(/deletion_protection.enabled=false/),
    });
  });
});

describe('faults', () => {
  /** Made, changed in every way, and removed; what is left in the end. */
  async function life(set: Elbv2Set): Promise<void> {
    const [port] = aModel().ports as [LoadBalancerModel['ports'][number]];
    await ensured(set, aModel());
    const wanted = aModel({
      ...noted('scheme', 'internet-facing'),
      sourceRanges: ['192.0.2.0/24', '198.51.100.0/24'],
      ports: [
        { ...port, port: 443, name: 'a', targets: [], candidates: [{ address: '10.0.0.9', port: 1, nodeName: '' }] },
      ],
    });
    const state = await ensured(set, wanted);
    expect(state.ingress[0]?.hostname).toMatch(/^nl-web-/);
    expect(balancers(set).map(({ scheme }) => scheme)).toEqual(['internet-facing']);
    expect(listeners(set).map((l) => l.port)).toEqual([443]);
    expect(groups(set).map((g) => [...g.targets.keys()])).toEqual([['10.0.0.9:1']]);
    expect([...set.ec2.groups.values()].flatMap(({ ingress }) => [...ingress])).toEqual([
      'tcp 443-443 192.0.2.0/24',
      'tcp 443-443 198.51.100.0/24',
    ]);
    await removed(set);
    await set.clock.advance(60_000);
    await removed(set);
    expect(set.leftovers()).toEqual([]);
  }

  it('at each call, before and after its work, leave nothing behind', async () => {
    const plain = createElbv2Set();
    await life(plain);
    expect(plain.elb.faults.calls.length).toBeGreaterThan(50);
    const seen = new Map<string, number>();
    for (const service of ['elb', 'ec2'] as const)
      for (const [n, operation] of plain[service].faults.calls.entries()) {
        const times = (seen.get(operation) ?? 0) + 1;
        seen.set(operation, times);
        const reads = operation.startsWith('Describe');
        // Reads come again and again; one that was not answered is like one that failed.
        for (const fault of reads ? (times % 4 === 1 ? ['server-error'] : []) : ['server-error', 'unanswered']) {
          const set = createElbv2Set();
          let calls = 0;
          const plan = () => (calls++ === n ? (fault as 'server-error') : undefined);
          injectFaults(service === 'elb' ? set.elbClient : set.ec2Client, { plan });
          await life(set);
        }
      }
  }, 120_000);

  it.each([1, 2, 3])('at random leave nothing of a group of Ingresses behind (%i)', async (seed) => {
    const set = createElbv2Set({ listLagMs: 2000 });
    const rates = { throttle: 0.02, 'server-error': 0.02, unanswered: 0.03, lost: 0.02, 'one-a-page': 0.2 };
    const faults = injectFaults(set.elbClient, { seed, rates });
    injectFaults(set.ec2Client, { seed: seed + 100, rates: { ...rates, 'one-a-page': 0 } });
    const again = async <T>(what: string, work: () => Promise<T | undefined>): Promise<T> => {
      for (let i = 0; i < 100; i++) {
        const done = await work().catch(() => undefined);
        if (done !== undefined) return done;
        await set.clock.advance(10_000);
      }
      throw new Error(`did not happen: ${what}`);
    };
    const service: Service = { metadata: { name: 'web', namespace: 'default' }, spec: { ports: [{ port: 80 }] } };
    const to = (port: number) => ({ service: { name: 'web', port: { number: port } } });
    const deploy = (paths: readonly string[]): Promise<boolean> =>
      again('deployed', async () => {
        const { elbv2 } = set.fresh();
        const { stack } = buildApplicationModel({
          group: { name: 'g' },
          members: [
            {
              metadata: { name: 'i', namespace: 'default' },
              spec: {
                rules: [{ http: { paths: paths.map((path) => ({ path, pathType: 'Prefix', backend: to(80) })) } }],
              },
            },
          ],
          around: await elbv2.surroundings(),
          service: () => service,
          targets: () => [{ address: '10.0.0.1', port: 80 }],
          certificateFor: () => undefined,
        });
        const { active, leftovers } = await elbv2.deployer.deploy(stack);
        return (active && !leftovers) || undefined;
      });
    const rules = (): (string | undefined)[] =>
      [...set.elb.state.rules.values()]
        .toSorted((a, b) => a.priority - b.priority)
        .map(({ conditions }) => conditions[0]?.PathPatternConfig?.Values?.at(-1));
    await deploy(['/', '/a', '/b']);
    expect(rules()).toEqual(['/a/*', '/b/*', '/*']);
    await deploy(['/b', '/c/d', '/']);
    expect(rules()).toEqual(['/c/d/*', '/b/*', '/*']);
    await deploy(['/b']);
    expect(rules()).toEqual(['/b/*']);
    await again(
      'removed',
      async () => (await set.fresh().elbv2.deployer.remove({ kind: 'ingress', id: 'g', uid: '' })) || undefined,
    );
    await set.clock.advance(60_000);
    expect(set.leftovers()).toEqual([]);
    expect(faults.log.length).toBeGreaterThan(3);
  });

  it.each([1, 2, 3, 4, 5, 6])('of all kinds at random (%i) leave nothing behind', async (seed) => {
    const set = createElbv2Set({ listLagMs: 2000 });
    const rates = {
      throttle: 0.03,
      'server-error': 0.03,
      lost: 0.03,
      unanswered: 0.03,
      twice: 0.03,
      'one-a-page': 0.2,
    };
    injectFaults(set.elbClient, { seed, rates });
    injectFaults(set.ec2Client, { seed: seed + 100, rates: { ...rates, 'one-a-page': 0 } });
    await life(set);
  });
});
