import { Script } from 'node:vm';
import {
  agentContainer,
  agentContainerName,
  agentOverride,
  dependsOnAgent,
  loader,
} from '@nodeless/virtual-kubelet/agent/agent-container';
import { sharedVolumeName } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { describe, expect, it } from 'vitest';

describe('the agent’s container', () => {
  it('is the same for all pods of a template: nothing of one pod is in it', () => {
    const one = agentContainer({ image: 'node', volumes: ['a', 'b'] });
    expect(one).toEqual(agentContainer({ image: 'node', volumes: ['a', 'b'] }));
    expect(one.mountPoints).toEqual([
      { sourceVolume: 'a', containerPath: '/nodeless/volumes/a', readOnly: false },
      { sourceVolume: 'b', containerPath: '/nodeless/volumes/b', readOnly: false },
    ]);
    expect(dependsOnAgent).toEqual({ containerName: agentContainerName, condition: 'HEALTHY' });
  });

  it('keeps to the limits of ECS: API_HealthCheck and API_ContainerDefinition', () => {
    const { healthCheck, startTimeout, stopTimeout, memory, memoryReservation, cpu } = agentContainer({
      image: 'node',
      volumes: [],
    });
    expect(healthCheck.interval).toBeGreaterThanOrEqual(5);
    expect(healthCheck.timeout).toBeGreaterThanOrEqual(2);
    expect(healthCheck.retries).toBeLessThanOrEqual(10);
    expect(healthCheck.startPeriod).toBeLessThanOrEqual(300);
    expect([startTimeout <= 120, stopTimeout <= 120, memory > memoryReservation, cpu > 0]).not.toContain(false);
    expect(agentContainerName).toMatch(/^[A-Za-z0-9_-]{1,255}$/);
    // No container of a pod can be called so.
    expect(agentContainerName).not.toMatch(/^[a-z0-9-]+$/);
  });

  it('has a loader that is a program, and small beside a task definition of 64 KB', () => {
    expect(() => new Script(loader)).not.toThrow();
    expect(loader.length).toBeLessThan(1_500);
  });

  it('gets what is the pod’s own in the override, a quarter of the 8,192 characters there are', () => {
    const token = 'x'.repeat(1_200);
    const override = agentOverride('https://abcdefghijklmnopqrstuvwxyz123456.lambda-url.us-east-1.on.aws/', token);
    expect(JSON.stringify(override).length).toBeLessThan(2_048);
    expect(JSON.parse(override.environment[0]?.value ?? '')).toEqual({
      v: 1,
      url: 'https://abcdefghijklmnopqrstuvwxyz123456.lambda-url.us-east-1.on.aws',
      token,
    });
  });

  it('sends its output to the log group where there is one', () => {
    const logs = { group: 'g', region: 'r', streamPrefix: 'p' };
    expect(agentContainer({ image: 'node', volumes: [], logs }).logConfiguration).toMatchObject({
      logDriver: 'awslogs',
      options: { 'awslogs-group': 'g', 'awslogs-region': 'r', 'awslogs-stream-prefix': 'p' },
    });
  });
});

describe('the name of a volume in a task definition', () => {
  for (const [name, shared] of [
    ['kube-api-access-x7k2p', 'kube-api-access'],
    ['kube-api-access', 'kube-api-access'],
    ['kube-api-access-mine', 'kube-api-access-mine'],
    ['kube-api-access-x7k2p-x', 'kube-api-access-x7k2p-x'],
    ['settings-x7k2p', 'settings-x7k2p'],
  ] as const)
    it(`of ${name} is ${shared}`, () => expect(sharedVolumeName(name)).toBe(shared));
});
