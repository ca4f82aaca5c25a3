import { describe, expect, it } from 'vitest';
import { resolveSettings } from '../../infra/settings.ts';
import { synthesise } from './synthesise.ts';

type Container = { Command: string[]; Environment: { Name: string; Value: unknown }[] };

describe('the hub', () => {
  const { Resources } = synthesise({
    hub: { enabled: true, capacity: 'spot', from: ['198.51.100.0/24', '2001:db8::/32'] },
  });
  const of = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
  const task = of('AWS::ECS::TaskDefinition')[0]?.Properties;
  const container = (task?.['ContainerDefinitions'] as Container[] | undefined)?.[0];

  it('is not there unless it is asked for', () => {
    const types = Object.values(synthesise().Resources).map(({ Type }) => Type);
    expect(types).not.toContain('AWS::ECS::Service');
  });

  it('is one small task that runs what its loader fetches, and knows by its hash', () => {
    expect(task).toMatchObject({ Cpu: '256', Memory: '512', RuntimePlatform: { CpuArchitecture: 'ARM64' } });
    expect(container?.Command).toEqual(['node', '--max-old-space-size=384', '-e', '// loader.js\n']);
    const told = Object.fromEntries(container?.Environment.map(({ Name, Value }) => [Name, Value]) ?? []);
    expect(told).toMatchObject({
      NODELESS_CLUSTER: 'main',
      NODELESS_PARAMETERS: '/nodeless/main',
      NODELESS_HUB_PORT: '443',
    });
    expect(told['NODELESS_CODE_HASH']).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(told['NODELESS_CODE'])).toContain('.s3.');
  });

  it('is replaced by one that answers before it is stopped, on Spot where that was chosen', () => {
    expect(of('AWS::ECS::Service')[0]?.Properties).toMatchObject({
      DesiredCount: 1,
      CapacityProviderStrategy: [{ CapacityProvider: 'FARGATE_SPOT', Weight: 1 }],
      DeploymentConfiguration: { MinimumHealthyPercent: 100, MaximumPercent: 200 },
    });
  });

  it('goes before the drain, which would find its task again and again', () => {
    const [drain] = Object.entries(Resources).find(([, { Type }]) => Type === 'Custom::NodelessDrain') ?? [];
    expect(of('AWS::ECS::Service')[0]?.DependsOn).toContain(drain);
  });

  it('can be reached from where the settings say, at one port', () => {
    const door = of('AWS::EC2::SecurityGroup').find(({ Properties }) =>
      String(Properties['GroupDescription']).startsWith('The Kubernetes API'),
    );
    const rules = door?.Properties['SecurityGroupIngress'] as {
      CidrIp?: string;
      CidrIpv6?: string;
      FromPort: number;
    }[];
    expect(rules.map(({ CidrIp, CidrIpv6, FromPort }) => [CidrIp ?? CidrIpv6, FromPort])).toEqual([
      ['198.51.100.0/24', 443],
      ['2001:db8::/32', 443],
    ]);
  });

  it.each([
    [{ memory: 700 }, 'hub.memory: Fargate has 512 to 2048 MiB in steps of 512 for this CPU, not 700'],
    [{ cpu: 300 as 256 }, 'hub.cpu: must be one of 256, 512, 1024, 2048'],
    [{ from: ['everywhere'] }, 'hub.from: "everywhere" is not a range'],
    [{ capacity: 'cheap' as 'spot' }, 'hub.capacity: must be on-demand or spot'],
  ])('cannot be set up with %j', (hub, problem) => {
    expect(() => resolveSettings({ hub })).toThrow(problem);
  });
});
