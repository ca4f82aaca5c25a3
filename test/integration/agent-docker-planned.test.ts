import { setTimeout as delay } from 'node:timers/promises';
import type { Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { configMaps, secrets } from '@nodeless/client/resource-types';
import { agentContainerName } from '@nodeless/virtual-kubelet/agent/agent-container';
import { readReferences } from '@nodeless/virtual-kubelet/pod-reads';
import { planTask } from '@nodeless/virtual-kubelet/providers/fargate/task-definition';
import type { NodeCapacity } from '@nodeless/virtual-kubelet/providers/provider';
import { resolvePod } from '@nodeless/virtual-kubelet/resolve-pod';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { namespace } from '../builders/agent-door.ts';
import { type AgentPods, createAgentPods, until } from '../builders/agent-pods.ts';
import { type TaskOptions, taskOptionsOf } from '../builders/docker-task.ts';
import { fargateSettings } from '../builders/fargate.ts';
import { probedAppPath } from '../builders/probed-app.ts';
import { dockerProblem } from './docker-engine.ts';

const problem = await dockerProblem();

describe.skipIf(problem !== undefined)(
  `tasks as the Fargate provider plans them, on Docker${problem ? ` (${problem})` : ''}`,
  () => {
    let agentPods: AgentPods;
    beforeAll(async () => {
      agentPods = await createAgentPods();
    }, 120_000);
    afterAll(() => agentPods?.close(), 60_000);
    afterEach(() => agentPods.removeTasks(), 60_000);
    const families = new Set<string>();

    /** Task definition and overrides as RunTask gets them. */
    const plan = async (pod: Pod, token: string): Promise<TaskOptions> => {
      const client = agentPods.cluster.nodeClient();
      const { pod: resolved, problems } = await resolvePod(
        pod,
        { capacity: {}, allocatable: {}, labels: {}, addresses: [], info: {} as NodeCapacity['info'] },
        {
          client,
          references: readReferences(client),
          tokens: { token: () => Promise.resolve(''), renewAt: () => undefined, forget: () => {} },
          services: () => [],
          dns: {
            nameservers: ['10.96.0.10'],
            domain: 'cluster.local',
            node: { nameservers: [], searches: [], options: [] },
          },
          withVolumes: true,
        },
      );
      expect(problems).toEqual([]);
      const secretValues = new Map<string, string>();
      const { definition, overrides } = planTask(
        resolved,
        { bootToken: token, roleArn: '', attempt: 0, architecture: 'amd64' },
        { ...fargateSettings, agentImage: agentPods.image, kubeletEndpoint: agentPods.url },
        {
          secretFor: (value) => {
            const place = `arn:aws:ssm:::parameter/${secretValues.size}`;
            secretValues.set(place, value);
            return place;
          },
          credentialsFor: () => undefined,
        },
      );
      families.add(definition.family ?? '');
      return taskOptionsOf(definition, overrides, secretValues);
    };
    const command = ['node', probedAppPath];

    test('files, environment, empty folders and exec probes come together', async () => {
      await agentPods.cluster.admin.create(configMaps, {
        metadata: { name: 'planned', namespace },
        data: { color: 'green' },
      });
      await agentPods.cluster.admin.create(secrets, {
        metadata: { name: 'planned', namespace },
        data: { key: Buffer.from('s3cret').toString('base64') },
      });
      const spec: Partial<PodSpec> = {
        automountServiceAccountToken: true,
        containers: [
          {
            name: 'app',
            image: agentPods.image,
            command,
            env: [
              {
                name: 'LOOK_AT',
                value: '/config/color,/var/run/secrets/kubernetes.io/serviceaccount/namespace,/scratch',
              },
              { name: 'KEY', valueFrom: { secretKeyRef: { name: 'planned', key: 'key' } } },
              { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            ],
            readinessProbe: { exec: { command: ['test', '-e', '/scratch/ready'] }, periodSeconds: 5 },
            volumeMounts: [
              { name: 'config', mountPath: '/config' },
              { name: 'scratch', mountPath: '/scratch' },
            ],
          },
        ],
        securityContext: { runAsUser: 1000 },
        volumes: [
          { name: 'config', configMap: { name: 'planned' } },
          { name: 'scratch', emptyDir: {} },
        ],
      };
      const { ask, ready, task, name } = await agentPods.run(spec, { plan });
      expect(await ask('/at-start')).toEqual({
        '/config/color': 'green',
        '/var/run/secrets/kubernetes.io/serviceaccount/namespace': namespace,
        '/scratch': 'EISDIR',
      });
      expect(await task.exec('app', ['sh', '-c', 'echo $KEY $NAME'])).toBe(`s3cret ${name}`);
      await until(async () => (await ready()) === 'False');
      expect(await ask('/write?path=/scratch/ready')).toMatchObject({ uid: 1000 });
      await until(async () => (await ready()) === 'True');

      const other = await agentPods.run(spec, { plan });
      expect(await other.task.exec('app', ['sh', '-c', 'echo $NAME'])).toBe(other.name);
      // One task definition for all pods of a template: registering is limited to one a second.
      expect(families.size).toBe(1);
    }, 60_000);

    test('the end of the last of several containers is the end of the task', async () => {
      const { task } = await agentPods.run(
        {
          restartPolicy: 'Never',
          containers: ['a', 'b'].map((name) => ({ name, image: agentPods.image, command: ['sleep', '1000'] })),
          volumes: [{ name: 'scratch', emptyDir: {} }],
        },
        { plan },
      );
      await task.kill('a');
      // Longer than it takes the agent to see that.
      await delay(1_000);
      expect(await task.isRunning(agentContainerName)).toBe(true);
      await task.kill('b');
      await until(async () => !(await task.isRunning(agentContainerName)));
      expect(await task.exitCode(agentContainerName)).toBe(0);
    }, 60_000);
  },
);
