import { describe, expect, test } from 'vitest';
import type { ContainerStatus, Event } from '@nodeless/apimachinery/generated/types/core/v1';
import { configMaps, events, leases, nodes, pods, services } from '@nodeless/client/resource-types';
import { ProviderError } from '@nodeless/virtual-kubelet/providers/provider';
import { boundPod, createKubeletHarness } from './harness.ts';

const eventTexts = (list: readonly Event[]): string[] => list.map((e) => `${e.type} ${e.reason}: ${e.message}`);

describe('pods on simulated nodes', () => {
  test('a bound pod runs, and one write says so', async () => {
    const h = await createKubeletHarness();
    await h.start();
    const revisions: string[] = [];
    h.client.watch(
      pods,
      {},
      {
        onEvent: (e) => void (e.type !== 'BOOKMARK' && revisions.push(`${e.type} ${e.object.status?.phase}`)),
        onEnd: () => {},
      },
    );
    await h.client.create(pods, boundPod('a'));
    await h.settle();
    expect(revisions).toEqual(['ADDED Pending', 'MODIFIED Running']);
    const { status } = await h.getPod('a');
    expect(status).toMatchObject({
      phase: 'Running',
      hostIP: '10.112.0.1',
      podIP: '10.128.0.1',
      podIPs: [{ ip: '10.128.0.1' }],
      startTime: '2030-01-01T00:00:00Z',
      qosClass: 'BestEffort',
      observedGeneration: 1,
    });
    expect(status?.conditions?.map((c) => `${c.type}=${c.status}`)).toEqual([
      'PodReadyToStartContainers=True',
      'Initialized=True',
      'Ready=True',
      'ContainersReady=True',
      'PodScheduled=True',
    ]);
    expect(status?.containerStatuses?.[0]).toMatchObject({
      name: 'app',
      ready: true,
      started: true,
      restartCount: 0,
      lastState: {},
      image: 'img:1',
    });
  });

  test('a pod that takes its time is Pending first, with what its containers wait for', async () => {
    const h = await createKubeletHarness();
    await h.start();
    await h.client.create(pods, boundPod('a', { annotations: { 'simulated.nodeless.dev/start-delay': '5s' } }));
    await h.settle();
    const before = (await h.getPod('a')).status;
    expect(before).toMatchObject({
      phase: 'Pending',
      containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } }, ready: false }],
    });
    expect(before?.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [app]',
    });
    await h.clock.advance(5_000);
    await h.settle();
    const after = (await h.getPod('a')).status;
    expect(after?.phase).toBe('Running');
    expect(after?.conditions?.find((c) => c.type === 'Ready')?.lastTransitionTime).toBe('2030-01-01T00:00:05Z');
    expect(after?.conditions?.find((c) => c.type === 'PodScheduled')?.lastTransitionTime).toBe('2030-01-01T00:00:00Z');
  });

  test('a crashing pod backs off: restarts at once, then after 10, 20, 40 seconds', async () => {
    const h = await createKubeletHarness();
    await h.start();
    await h.client.create(
      pods,
      boundPod('a', {
        annotations: { 'simulated.nodeless.dev/fail': 'CrashLoop', 'simulated.nodeless.dev/run-for': '1s' },
      }),
    );
    const seen: string[] = [];
    for (let second = 0; second <= 38; second++) {
      await h.settle();
      const s = (await h.getPod('a')).status?.containerStatuses?.[0] as ContainerStatus;
      const state = s.state?.running ? 'running' : (s.state?.waiting?.reason ?? 'ended');
      if (!seen.at(-1)?.endsWith(`${state} ${s.restartCount}`)) seen.push(`${second} ${state} ${s.restartCount}`);
      await h.clock.advance(980);
    }
    expect(seen).toEqual([
      '0 running 0',
      '1 running 1',
      '2 CrashLoopBackOff 1',
      '12 running 2',
      '13 CrashLoopBackOff 2',
      '33 running 3',
      '34 CrashLoopBackOff 3',
    ]);
    const status = (await h.getPod('a')).status;
    expect(status?.phase).toBe('Running');
    expect(status?.containerStatuses?.[0]).toMatchObject({
      state: {
        waiting: {
          message: expect.stringMatching(/^back-off 40s restarting failed container=app pod=a_default\(/) as string,
        },
      },
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
    });
  });

  const ends: [string, string, string, object][] = [
    [
      'a task that succeeds',
      'Never',
      'exit:0',
      { phase: 'Succeeded', containerStatuses: [{ state: { terminated: { exitCode: 0, reason: 'Completed' } } }] },
    ],
    [
      'a task that fails',
      'Never',
      'exit:3',
      { phase: 'Failed', containerStatuses: [{ state: { terminated: { exitCode: 3, reason: 'Error' } } }] },
    ],
    [
      'one out of memory',
      'Never',
      'OOMKilled',
      { phase: 'Failed', containerStatuses: [{ state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }] },
    ],
    [
      'a bad image',
      'Always',
      'ErrImagePull',
      { phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ErrImagePull' } } }] },
    ],
    [
      'one never ready',
      'Always',
      'NotReady',
      { phase: 'Running', containerStatuses: [{ ready: false, started: true }] },
    ],
  ];
  test.each(ends)('%s', async (_, restartPolicy, fail, want) => {
    const h = await createKubeletHarness();
    await h.start();
    await h.client.create(
      pods,
      boundPod('a', {
        annotations: { 'simulated.nodeless.dev/fail': fail },
        spec: { restartPolicy, containers: [{ name: 'app', image: 'img:1' }] },
      }),
    );
    await h.settle();
    expect((await h.getPod('a')).status).toMatchObject(want);
  });

  test('a deleted pod stops within its grace, reports its end and goes', async () => {
    const h = await createKubeletHarness();
    await h.start();
    await h.client.create(pods, boundPod('a', { annotations: { 'simulated.nodeless.dev/stop-delay': '3s' } }));
    await h.settle();
    const seen: string[] = [];
    h.client.watch(
      pods,
      { resourceVersion: (await h.getPod('a')).metadata?.resourceVersion },
      {
        onEvent: (e) =>
          void (
            e.type !== 'BOOKMARK' &&
            seen.push(
              `${e.type} ${e.object.status?.phase} ${e.object.status?.containerStatuses?.[0]?.state?.terminated?.reason ?? '-'}`,
            )
          ),
        onEnd: () => {},
      },
    );
    await h.client.delete(pods, { namespace: 'default', name: 'a' });
    await h.settle();
    // The deletion itself, and that the kubelet has seen its generation.
    expect(seen).toEqual(['MODIFIED Running -', 'MODIFIED Running -']);
    await h.clock.advance(3_000);
    await h.settle();
    expect(seen.slice(2)).toEqual(['MODIFIED Succeeded Completed', 'DELETED Succeeded Completed']);
    expect(await h.simulated.listPods()).toEqual([]);
  });

  test('one deleted by force is ended too', async () => {
    const h = await createKubeletHarness();
    await h.start();
    await h.client.create(pods, boundPod('a'));
    await h.settle();
    await h.client.delete(pods, { namespace: 'default', name: 'a' }, { gracePeriodSeconds: 0 });
    await h.settle();
    expect(await h.simulated.listPods()).toEqual([]);
  });

  test('a pod past its active deadline is stopped and fails', async () => {
    const h = await createKubeletHarness();
    await h.start();
    await h.client.create(
      pods,
      boundPod('a', { spec: { activeDeadlineSeconds: 30, containers: [{ name: 'app', image: 'img:1' }] } }),
    );
    await h.settle();
    expect((await h.getPod('a')).status?.phase).toBe('Running');
    await h.clock.advance(30_000);
    await h.settle();
    expect((await h.getPod('a')).status).toMatchObject({
      phase: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
    const list = await h.client.list(events, { namespace: 'default' });
    expect(eventTexts(list.items)).toContain(
      'Normal DeadlineExceeded: Pod was active on the node longer than the specified deadline',
    );
  });

  test('a pod that the node cannot hold is refused', async () => {
    const h = await createKubeletHarness({ simulated: { capacity: { cpu: '1', memory: '1Gi', pods: '10' } } });
    await h.start();
    const big = (cpu: string) => ({ containers: [{ name: 'app', image: 'img:1', resources: { requests: { cpu } } }] });
    await h.client.create(pods, boundPod('a', { spec: big('800m') }));
    await h.settle();
    await h.client.create(pods, boundPod('b', { spec: big('300m') }));
    await h.settle();
    expect((await h.getPod('a')).status?.phase).toBe('Running');
    expect((await h.getPod('b')).status).toMatchObject({
      phase: 'Failed',
      reason: 'OutOfcpu',
      message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 300, used: 800, capacity: 1000",
    });
    const list = await h.client.list(events, { namespace: 'default' });
    expect(eventTexts(list.items)).toEqual([
      "Warning OutOfcpu: Node didn't have enough resource: cpu, requested: 300, used: 800, capacity: 1000",
    ]);
  });

  test('a missing ConfigMap holds the container back until it exists', async () => {
    const h = await createKubeletHarness();
    await h.start();
    await h.client.create(
      pods,
      boundPod('a', {
        spec: {
          containers: [
            {
              name: 'app',
              image: 'img:1',
              env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'cm', key: 'k' } } }],
            },
          ],
        },
      }),
    );
    await h.settle();
    expect((await h.getPod('a')).status).toMatchObject({
      phase: 'Pending',
      containerStatuses: [
        { state: { waiting: { reason: 'CreateContainerConfigError', message: 'configmap "cm" not found' } } },
      ],
    });
    await h.client.create(configMaps, { metadata: { name: 'cm', namespace: 'default' }, data: { other: '1' } });
    await h.settle();
    expect((await h.getPod('a')).status?.containerStatuses?.[0]?.state?.waiting?.message).toBe(
      "couldn't find key k in ConfigMap default/cm",
    );
    await h.client.patch(configMaps, { namespace: 'default', name: 'cm' }, 'merge', { data: { k: 'v' } });
    await h.settle();
    expect((await h.getPod('a')).status?.phase).toBe('Running');
  });

  test('a readiness gate that somebody else sets makes the pod ready', async () => {
    const h = await createKubeletHarness();
    await h.start();
    await h.client.create(
      pods,
      boundPod('a', {
        spec: {
          readinessGates: [{ conditionType: 'example.com/gate' }],
          containers: [{ name: 'app', image: 'img:1' }],
        },
      }),
    );
    await h.settle();
    const ready = async () => (await h.getPod('a')).status?.conditions?.find((c) => c.type === 'Ready');
    expect(await ready()).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
      message: 'corresponding condition of pod readiness gate "example.com/gate" does not exist.',
    });
    const pod = await h.getPod('a');
    await h.client.update(
      pods,
      {
        ...pod,
        status: {
          ...pod.status,
          conditions: [...(pod.status?.conditions ?? []), { type: 'example.com/gate', status: 'True' }],
        },
      },
      { subresource: 'status' },
    );
    await h.settle();
    expect(await ready()).toMatchObject({ status: 'True' });
    expect((await h.getPod('a')).status?.conditions?.some((c) => c.type === 'example.com/gate')).toBe(true);
  });

  test('what the provider runs and the API does not know is removed at the start', async () => {
    const h = await createKubeletHarness();
    await h.simulated.createPod({
      pod: { ...boundPod('ghost'), metadata: { name: 'ghost', namespace: 'default', uid: 'u1' } },
      containers: {},
      volumes: [],
      dns: { nameservers: [], searches: [], options: [] },
      hostname: '',
      hostAliases: [],
      pullSecrets: [],
      nodeAddresses: [],
    });
    await h.start();
    await h.settle();
    expect(await h.simulated.listPods()).toEqual([]);
  });

  test('a provider that fails once is tried again', async () => {
    const h = await createKubeletHarness();
    await h.start();
    h.simulated.failNext('createPod', new ProviderError('unavailable', 'gone for a moment'));
    await h.client.create(pods, boundPod('a'));
    await h.settle();
    expect((await h.getPod('a')).status?.phase).toBe('Pending');
    await h.clock.advance(1_000);
    await h.settle();
    expect((await h.getPod('a')).status?.phase).toBe('Running');
  });
});

describe('nodes', () => {
  test('register with what they are and keep their lease', async () => {
    const h = await createKubeletHarness();
    await h.start();
    const node = await h.getNode('node-2');
    expect(node.metadata?.labels).toEqual({
      'beta.kubernetes.io/arch': 'amd64',
      'beta.kubernetes.io/os': 'linux',
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/hostname': 'node-2',
      'kubernetes.io/os': 'linux',
      'node.kubernetes.io/instance-type': 'simulated',
    });
    expect(node.status).toMatchObject({
      capacity: { cpu: '64', pods: '500' },
      addresses: [
        { type: 'InternalIP', address: '10.112.0.2' },
        { type: 'Hostname', address: 'node-2' },
      ],
      nodeInfo: { kubeletVersion: 'v1.36.3', operatingSystem: 'linux' },
    });
    expect(node.status?.conditions?.map((c) => `${c.type}=${c.status} ${c.reason}`)).toEqual([
      'MemoryPressure=False KubeletHasSufficientMemory',
      'DiskPressure=False KubeletHasNoDiskPressure',
      'PIDPressure=False KubeletHasSufficientPID',
      'Ready=True KubeletReady',
    ]);
    const lease = async () => h.client.get(leases, { namespace: 'kube-node-lease', name: 'node-2' });
    const first = (await lease()).spec?.renewTime;
    expect((await lease()).spec).toMatchObject({ holderIdentity: 'node-2', leaseDurationSeconds: 40 });
    await h.clock.advance(10_000);
    await h.settle();
    expect(Date.parse((await lease()).spec?.renewTime ?? '')).toBeGreaterThanOrEqual(Date.parse(first ?? '') + 10_000);
  });

  test('what others put into the status stays', async () => {
    const h = await createKubeletHarness();
    await h.start();
    const node = await h.getNode('node-1');
    await h.client.update(
      nodes,
      {
        ...node,
        status: {
          ...node.status,
          capacity: { ...node.status?.capacity, 'example.com/gpu': '2' },
          conditions: [...(node.status?.conditions ?? []), { type: 'Custom', status: 'True' }],
        },
      },
      { subresource: 'status' },
    );
    await h.clock.advance(301_000);
    await h.settle();
    const after = await h.getNode('node-1');
    expect(after.status?.capacity).toMatchObject({ 'example.com/gpu': '2', cpu: '64' });
    expect(after.status?.conditions?.map((c) => c.type)).toContain('Custom');
    expect(after.status?.conditions?.find((c) => c.type === 'Ready')?.lastHeartbeatTime).toBe('2030-01-01T00:05:00Z');
  });

  test('an engine that is away makes the node not ready, with the reason, until it is back', async () => {
    const h = await createKubeletHarness();
    await h.start();
    const ready = async () => (await h.getNode('node-1')).status?.conditions?.find((c) => c.type === 'Ready');
    for (let i = 0; i < 2; i++)
      h.simulated.failNext('nodes', new ProviderError('unavailable', 'Docker does not answer'));
    await h.clock.advance(10_000);
    await h.settle();
    expect(await ready()).toMatchObject({
      status: 'False',
      reason: 'KubeletNotReady',
      message: 'container runtime is down: Docker does not answer',
    });
    await h.clock.advance(20_000);
    await h.settle();
    expect(await ready()).toMatchObject({
      status: 'True',
      reason: 'KubeletReady',
      message: 'kubelet is posting ready status',
    });
  });

  test('a node that was deleted comes back', async () => {
    const h = await createKubeletHarness();
    await h.start();
    await h.client.delete(nodes, { name: 'node-1' });
    await h.clock.advance(301_000);
    await h.settle();
    expect((await h.getNode('node-1')).metadata?.name).toBe('node-1');
  });
});

test('pods see the Services of their namespace and kubernetes', async () => {
  const given: string[] = [];
  const h = await createKubeletHarness();
  const create = h.simulated.createPod.bind(h.simulated);
  Object.assign(h.simulated, {
    createPod: async (pod: Parameters<typeof create>[0]) => {
      given.push(...(pod.containers['app']?.env ?? []).map((e) => `${e.name}=${e.value}`));
      await create(pod);
    },
  });
  await h.client.create(services, {
    metadata: { name: 'kubernetes', namespace: 'default' },
    spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443 }] },
  });
  await h.start();
  await h.client.create(pods, boundPod('a'));
  await h.settle();
  expect(given).toContain('KUBERNETES_SERVICE_HOST=10.96.0.1');
  expect(given).toContain('KUBERNETES_SERVICE_PORT_HTTPS=443');
});
