import { createServer } from 'node:http';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
  SetRulePrioritiesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { describe, expect, it } from 'vitest';
import { ask } from './http-ask.ts';
import { matchesPattern } from './rigs/elbv2-http-path.ts';
import { createElbv2Rig } from './rigs/elbv2.ts';
import { clientSettings } from './rigs/request-handler.ts';

describe('patterns of rules', () => {
  it.each<[string, string, boolean]>([
    ['/a', '/a', true],
    ['/a', '/a/', false],
    ['/a/*', '/a/b/c', true],
    ['/a?', '/ab', true],
    ['/a.b', '/axb', false],
    ['*.example.com', 'A.Example.com', true],
    ['*.example.com', 'example.com', false],
  ])('%s and %s: %s', (pattern, text, expected) => {
    expect(matchesPattern(pattern, text, !pattern.startsWith('/'))).toBe(expected);
  });
});

describe('a listener of an application load balancer', () => {
  it('tries rules in the order of their priorities, then its own action', async () => {
    const clock = createManualClock();
    const rig = createElbv2Rig({ clock, provisionMs: 0 });
    const client = new ElasticLoadBalancingV2Client({ ...clientSettings, requestHandler: rig.requestHandler });
    const target = createServer((_request, response) => response.end('pod'));
    await new Promise<void>((resolve) => {
      target.listen(0, '127.0.0.1', resolve);
    });
    try {
      const { LoadBalancers } = await client.send(
        new CreateLoadBalancerCommand({ Name: 'web', Subnets: ['subnet-a', 'subnet-b'] }),
      );
      const { TargetGroups } = await client.send(
        new CreateTargetGroupCommand({
          Name: 'web',
          Protocol: 'HTTP',
          Port: 80,
          VpcId: 'vpc-1',
          TargetType: 'ip',
          HealthyThresholdCount: 2,
          HealthCheckIntervalSeconds: 5,
        }),
      );
      const TargetGroupArn = TargetGroups?.[0]?.TargetGroupArn;
      const { Listeners } = await client.send(
        new CreateListenerCommand({
          LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn,
          Port: 80,
          Protocol: 'HTTP',
          DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
        }),
      );
      const ListenerArn = Listeners?.[0]?.ListenerArn;
      const rule = async (Priority: number, path: string, location?: string): Promise<string | undefined> => {
        const { Rules } = await client.send(
          new CreateRuleCommand({
            ListenerArn,
            Priority,
            Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: [path] } }],
            Actions: location
              ? [
                  {
                    Type: 'redirect',
                    RedirectConfig: {
                      Protocol: 'HTTPS',
                      Host: location,
                      Port: '443',
                      Path: '/#{path}',
                      StatusCode: 'HTTP_301',
                    },
                  },
                ]
              : [{ Type: 'forward', TargetGroupArn }],
          }),
        );
        return Rules?.[0]?.RuleArn;
      };
      const first = await rule(1, '/a*');
      const second = await rule(2, '/ab', 'other');
      const { port } = await rig.addressOf('web', 80);
      await clock.advance(0);
      expect((await ask(port, '/x')).status).toBe(404);
      expect((await ask(port, '/ab')).status, 'no target').toBe(503);
      await client.send(
        new RegisterTargetsCommand({
          TargetGroupArn,
          Targets: [{ Id: '127.0.0.1', Port: (target.address() as { port: number }).port }],
        }),
      );
      for (let i = 0; i < 4; i++) {
        await clock.advance(5000);
        await rig.settled();
      }
      expect(await ask(port, '/ab')).toMatchObject({ status: 200, body: 'pod' });
      await client.send(
        new SetRulePrioritiesCommand({
          RulePriorities: [
            { RuleArn: first, Priority: 2 },
            { RuleArn: second, Priority: 1 },
          ],
        }),
      );
      expect(await ask(port, '/ab')).toMatchObject({ status: 301, location: 'https://other:443/ab' });
      await expect(rule(1, '/c')).rejects.toMatchObject({ name: 'PriorityInUseException' });
    } finally {
      target.close();
      await rig.close();
    }
  });
});
