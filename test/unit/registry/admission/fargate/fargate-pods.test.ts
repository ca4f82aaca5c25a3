import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Container, Pod, PodSpec, Volume } from '@nodeless/apimachinery/generated/types/core/v1';
import { ApiError } from '@nodeless/apimachinery/status';
import { daemonSets, namespaces, pods, serviceAccounts } from '@nodeless/client/resource-types';
import { systemClock } from '@nodeless/component-base/clock';
import type { Client } from '@nodeless/client/client';
import { fargatePods } from '@nodeless/registry/admission/fargate/fargate-pods';
import { formatSize, fargateSize } from '@nodeless/registry/admission/fargate/fargate-size';
import { findingsOf } from '@nodeless/registry/admission/fargate/findings';
import { type ClusterRegistry, createClusterRegistry } from '@nodeless/registry/cluster';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';

const podOf = (spec: Partial<PodSpec>): Pod => ({ spec: { containers: [{ name: 'app', image: 'app' }], ...spec } });
const withContainer = (container: Partial<Container>): Pod =>
  podOf({ containers: [{ name: 'app', image: 'app', ...container }] });
const withVolume = (volume: Omit<Volume, 'name'>): Pod => podOf({ volumes: [{ name: 'v', ...volume }] });

describe('what Fargate cannot do is refused at its field', () => {
  test.each<[string, Pod, string]>([
    ['host network', podOf({ hostNetwork: true }), 'spec.hostNetwork'],
    ['host path', withVolume({ hostPath: { path: '/' } }), 'spec.volumes[0].hostPath'],
    ['inline CSI', withVolume({ csi: { driver: 'x' } }), 'spec.volumes[0].csi'],
    ['huge pages', withVolume({ emptyDir: { medium: 'HugePages-2Mi' } }), 'spec.volumes[0].emptyDir.medium'],
    ['NFS elsewhere', withVolume({ nfs: { server: 'nfs.example', path: '/' } }), 'spec.volumes[0].nfs'],
    [
      'privileged',
      withContainer({ securityContext: { privileged: true } }),
      'spec.containers[0].securityContext.privileged',
    ],
    [
      'privileged init container',
      podOf({ initContainers: [{ name: 'a' }, { name: 'b', securityContext: { privileged: true } }] }),
      'spec.initContainers[1].securityContext.privileged',
    ],
    [
      'capabilities',
      withContainer({ securityContext: { capabilities: { add: ['SYS_PTRACE', 'NET_ADMIN'] } } }),
      'spec.containers[0].securityContext.capabilities.add',
    ],
    [
      'host port',
      withContainer({ ports: [{ containerPort: 1 }, { containerPort: 2, hostPort: 2 }] }),
      'spec.containers[0].ports[1].hostPort',
    ],
    [
      'sub path',
      withContainer({ volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'x' }] }),
      'spec.containers[0].volumeMounts[0].subPath',
    ],
    [
      'own address in the environment',
      withContainer({ env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] }),
      'spec.containers[0].env[0].valueFrom.fieldRef',
    ],
    [
      'address of a node',
      withContainer({ env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }] }),
      'spec.containers[0].env[0].valueFrom.fieldRef',
    ],
    [
      'post-start hook',
      withContainer({ lifecycle: { postStart: { exec: { command: ['x'] } } } }),
      'spec.containers[0].lifecycle.postStart',
    ],
    [
      'pre-stop command',
      withContainer({ lifecycle: { preStop: { exec: { command: ['x'] } } } }),
      'spec.containers[0].lifecycle.preStop',
    ],
    ['GPU', withContainer({ resources: { limits: { 'nvidia.com/gpu': '1' } } }), 'spec.containers[0].resources.limits'],
    [
      'probe of another host',
      withContainer({ livenessProbe: { httpGet: { port: 80, host: 'example.com' } } }),
      'spec.containers[0].livenessProbe.httpGet.host',
    ],
    [
      'two commands as probes',
      withContainer({ livenessProbe: { exec: { command: ['a'] } }, readinessProbe: { exec: { command: ['b'] } } }),
      'spec.containers[0].livenessProbe',
    ],
    [
      'ten containers',
      podOf({ containers: Array.from({ length: 10 }, (_, i) => ({ name: `c${i}` })) }),
      'spec.containers',
    ],
    ['too large', withContainer({ resources: { requests: { memory: '245Gi' } } }), 'spec.containers'],
    ['too much disk', withContainer({ resources: { requests: { 'ephemeral-storage': '201Gi' } } }), 'spec.containers'],
    ['Windows', podOf({ os: { name: 'windows' } }), 'spec.os'],
    ['resolvers', podOf({ dnsConfig: { nameservers: ['1.1.1.1'] } }), 'spec.dnsConfig.nameservers'],
  ])('%s', (_, pod, field) => {
    expect(findingsOf(pod, 'refused').map((f) => f.field)).toEqual([field]);
  });

  test.each<[string, Pod]>([
    ['a plain pod', podOf({ hostNetwork: false, hostAliases: [], securityContext: {} })],
    [
      'what has an equal',
      withContainer({ securityContext: { capabilities: { add: ['CAP_SYS_PTRACE'], drop: ['ALL'] } } }),
    ],
    ['nine containers', podOf({ containers: Array.from({ length: 9 }, (_, i) => ({ name: `c${i}` })) })],
    ['the largest task', withContainer({ resources: { requests: { cpu: '32', memory: '243Gi' } } })],
    ['a pause before the end', withContainer({ lifecycle: { preStop: { sleep: { seconds: 5 } } } })],
    ['EFS', withVolume({ nfs: { server: 'fs-0123456789abcdef0.efs.us-east-1.amazonaws.com', path: '/' } })],
    [
      'one command as both probes',
      withContainer({ livenessProbe: { exec: { command: ['a'] } }, readinessProbe: { exec: { command: ['a'] } } }),
    ],
  ])('but not %s', (_, pod) => {
    expect(findingsOf(pod, 'refused')).toEqual([]);
  });

  test('what has no effect is told', () => {
    const pod = withContainer({ securityContext: { allowPrivilegeEscalation: false } });
    const fields = findingsOf(
      { spec: { ...pod.spec, terminationGracePeriodSeconds: 121, containers: pod.spec?.containers ?? [] } },
      'ignored',
    );
    expect(fields.map((f) => f.field)).toEqual([
      'spec.terminationGracePeriodSeconds',
      'spec.containers[0].securityContext.allowPrivilegeEscalation',
    ]);
  });
});

test.each([
  [0, 0, '0.25vCPU 0.5GB'],
  [250, 512, '0.25vCPU 0.5GB'],
  [251, 512, '0.5vCPU 1GB'],
  [250, 513, '0.25vCPU 1GB'],
  [250, 2049, '0.5vCPU 3GB'],
  [1000, 9000, '2vCPU 9GB'],
  [4000, 31000, '8vCPU 32GB'],
  [8001, 0, '16vCPU 32GB'],
  [16001, 61441, '32vCPU 120GB'],
  [32000, 244 * 1024, '32vCPU 244GB'],
])('%d milli CPU and %d MiB become a task of %s', (cpu, memory, size) => {
  expect(formatSize(fargateSize(cpu, memory * 2 ** 20)!)).toBe(size);
});
test('nothing is larger than the largest', () => {
  expect(fargateSize(32001, 0)).toBeUndefined();
  expect(fargateSize(0, 244 * 2 ** 30 + 1)).toBeUndefined();
});

describe('in the API', () => {
  let cluster: ClusterRegistry;
  let client: Client;
  beforeAll(async () => {
    cluster = await createClusterRegistry({
      store: createMemoryStore({ clock: systemClock }),
      clock: systemClock,
      admission: [fargatePods],
    });
    client = cluster.clientFor({ name: 'admin', groups: ['system:masters'] }, 'test');
    await client.create(namespaces, { metadata: { name: 'default' } });
    await client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } });
  });
  afterAll(() => cluster.close());
  const create = (spec: Partial<PodSpec>): Promise<Pod> =>
    client.create(pods, { metadata: { generateName: 'p-', namespace: 'default' }, ...podOf(spec) });

  test('a refusal names field, reason and alternative', async () => {
    const error = await create({ hostNetwork: true, volumes: [{ name: 'h', hostPath: { path: '/var' } }] }).catch(
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).status).toMatchObject({
      code: 422,
      reason: 'Invalid',
      details: {
        causes: [
          {
            field: 'spec.hostNetwork',
            reason: 'FieldValueForbidden',
            message: "Forbidden: not on Fargate: a Fargate task has no node of its own; instead: the pod's own address",
          },
          { field: 'spec.volumes[0].hostPath', reason: 'FieldValueForbidden' },
        ],
      },
    });
  });

  test('the size of the task is published', async () => {
    const pod = await create({
      containers: [{ name: 'app', image: 'app', resources: { requests: { cpu: '300m', memory: '1Gi' } } }],
    });
    expect(pod.metadata?.annotations).toMatchObject({
      'nodeless.dev/fargate-size': '0.5vCPU 2GB',
      'nodeless.dev/fargate-agent-memory': '96Mi',
    });
  });

  test.each<[string, Partial<PodSpec>, string[]]>([
    ['an architecture', { nodeSelector: { 'kubernetes.io/arch': 'arm64' } }, ['kubernetes.io/arch=arm64']],
    ['Spot', { nodeSelector: { 'nodeless.dev/capacity-type': 'spot' } }, ['nodeless.dev/capacity-type=spot']],
    [
      'either by affinity',
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['arm64', 'amd64'] }] },
              ],
            },
          },
        },
      },
      ['kubernetes.io/arch=arm64', 'kubernetes.io/arch=amd64'],
    ],
    ['a zone', { nodeSelector: { 'topology.kubernetes.io/zone': 'us-east-1a' } }, []],
    [
      'an architecture, tolerated already',
      {
        nodeSelector: { 'kubernetes.io/arch': 'arm64' },
        tolerations: [{ key: 'kubernetes.io/arch', operator: 'Exists' }],
      },
      [],
    ],
  ])('asking for %s adds its toleration', async (_, spec, expected) => {
    const pod = await create(spec);
    const added = (pod.spec?.tolerations ?? []).filter((t) => t.value !== undefined);
    expect(added.map((t) => `${t.key}=${t.value}`)).toEqual(expected);
    for (const toleration of added) expect(toleration).toMatchObject({ operator: 'Equal', effect: 'NoSchedule' });
  });

  test('DaemonSets are refused with the alternative', async () => {
    const template = { metadata: { labels: { a: 'b' } }, spec: podOf({}).spec as PodSpec };
    await expect(
      client.create(daemonSets, {
        metadata: { name: 'logs', namespace: 'default' },
        spec: { selector: { matchLabels: { a: 'b' } }, template },
      }),
    ).rejects.toThrow(/DaemonSets do not run on Fargate.*sidecar/);
  });
});
