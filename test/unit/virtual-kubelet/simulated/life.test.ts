import { describe, expect, test } from 'vitest';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { createFakeAddresses, fakeNodeAddress } from '@nodeless/virtual-kubelet/providers/simulated/fake-addresses';
import { lifeOf, parseDuration, quietLife } from '@nodeless/virtual-kubelet/providers/simulated/life';
import { lifeAt } from '@nodeless/virtual-kubelet/providers/simulated/life-at';
import { createSimulatedProvider } from '@nodeless/virtual-kubelet/providers/simulated/simulated-provider';
import type { ResolvedPod } from '@nodeless/virtual-kubelet/providers/provider';

const pod = (annotations: Record<string, string> = {}, spec: object = {}, more: object = {}): Pod => ({
  metadata: {
    name: 'p',
    namespace: 'ns',
    uid: 'u',
    labels: { app: 'web' },
    annotations: Object.fromEntries(Object.entries(annotations).map(([k, v]) => [`simulated.nodeless.dev/${k}`, v])),
  },
  spec: { nodeName: 'node-1', containers: [{ name: 'c', image: 'c:1' }], ...spec },
  ...more,
});

test.each([
  ['5ms', 5],
  ['2s', 2000],
  ['1.5m', 90_000],
  ['1h', 3_600_000],
  ['5', undefined],
  ['-1s', undefined],
  [undefined, undefined],
])('duration %s', (text, want) => expect(parseDuration(text)).toBe(want));

describe('lives', () => {
  const cases: [string, Pod, object][] = [
    ['quiet', pod(), quietLife],
    [
      'delays',
      pod({ 'start-delay': '1s', 'ready-delay': '2s', 'run-for': '3s', 'stop-delay': '4s' }),
      { startDelayMs: 1000, readyDelayMs: 2000, runForMs: 3000, stopDelayMs: 4000 },
    ],
    ['exit', pod({ fail: 'exit:7' }), { exitCode: 7, runForMs: 0 }],
    ['exit later', pod({ fail: 'exit:7', 'run-for': '2s' }), { exitCode: 7, runForMs: 2000 }],
    ['OOM', pod({ fail: 'OOMKilled' }), { exitCode: 137, oomKilled: true }],
    ['pull', pod({ fail: 'ErrImagePull' }), { waitingReason: 'ErrImagePull' }],
    ['nonsense', pod({ fail: 'whatever' }), quietLife],
  ];
  test.each(cases)('%s', (_, given, want) => expect(lifeOf(given)).toMatchObject(want));

  test('rules by label, annotations over them', () => {
    const rules = [
      { matchLabels: { app: 'db' }, life: { startDelayMs: 9 } },
      { matchLabels: { app: 'web' }, life: { startDelayMs: 5, readyDelayMs: 6 } },
      { life: { startDelayMs: 1 } },
    ];
    expect(lifeOf(pod(), rules)).toMatchObject({ startDelayMs: 5, readyDelayMs: 6 });
    expect(lifeOf(pod({ 'start-delay': '7ms' }), rules)).toMatchObject({ startDelayMs: 7, readyDelayMs: 6 });
    expect(lifeOf(pod({}, {}, { metadata: { name: 'x' } }), rules).startDelayMs).toBe(1);
    expect(lifeOf(pod(), [{ namespace: 'other', life: { startDelayMs: 1 } }]).startDelayMs).toBe(0);
  });
});

describe('instants', () => {
  const at = (given: Pod, now: number, stopAt?: number) => {
    const moment = lifeAt({ pod: given, life: lifeOf(given), beganAt: 0, stopAt }, now);
    const states = moment.containers.map(
      (c) =>
        `${c.name} ${c.state.running ? (c.ready ? 'ready' : 'running') : (c.state.waiting?.reason ?? c.state.terminated?.reason)} ${c.restartCount}`,
    );
    return [
      ...states,
      ...(moment.finished ? ['finished'] : []),
      ...(moment.nextAt === undefined ? [] : [`next ${moment.nextAt}`]),
    ];
  };
  const cases: [string, string[], string[]][] = [
    ['at once', at(pod(), 0), ['c ready 0']],
    ['not yet', at(pod({ 'start-delay': '1s' }), 999), ['next 1000']],
    ['started, not ready', at(pod({ 'ready-delay': '1s' }), 0), ['c running 0', 'next 1000']],
    ['a task', at(pod({ 'run-for': '1s' }, { restartPolicy: 'Never' }), 999), ['c ready 0', 'next 1000']],
    [
      'a task that is done',
      at(pod({ 'run-for': '1s' }, { restartPolicy: 'Never' }), 1000),
      ['c Completed 0', 'finished'],
    ],
    [
      'failing again and again',
      at(pod({ fail: 'exit:1', 'run-for': '1s' }), 2000),
      ['c CrashLoopBackOff 1', 'next 12000'],
    ],
    ['the third run', at(pod({ fail: 'exit:1', 'run-for': '1s' }), 12_500), ['c ready 2', 'next 13000']],
    [
      'failing without an end in sight',
      at(pod({ fail: 'CrashLoop' }), 86_400_000),
      ['c CrashLoopBackOff 292', 'next 86410001'],
    ],
    [
      'OnFailure that succeeds',
      at(pod({ 'run-for': '1s' }, { restartPolicy: 'OnFailure' }), 5000),
      ['c Completed 0', 'finished'],
    ],
    ['init containers are quick', at(pod({}, { initContainers: [{ name: 'i' }] }), 0), ['i Completed 0', 'c ready 0']],
    [
      'a sidecar',
      at(
        pod({ 'run-for': '1s' }, { restartPolicy: 'Never', initContainers: [{ name: 's', restartPolicy: 'Always' }] }),
        500,
      ),
      ['s ready 0', 'c ready 0', 'next 1000'],
    ],
    [
      'a sidecar of a task that is done',
      at(
        pod({ 'run-for': '1s' }, { restartPolicy: 'Never', initContainers: [{ name: 's', restartPolicy: 'Always' }] }),
        1500,
      ),
      ['s Completed 0', 'c Completed 0', 'finished'],
    ],
    ['told to stop', at(pod({ 'stop-delay': '2s' }), 1500, 1000), ['c ready 0', 'next 3000']],
    ['stopped', at(pod({ 'stop-delay': '2s' }), 3000, 1000), ['c Completed 0', 'finished']],
    ['stopped before it began', at(pod({ 'start-delay': '5s' }), 1000, 1000), ['finished', 'next 5000']],
    [
      'stopped while it waited to restart',
      at(pod({ fail: 'exit:1', 'run-for': '1s' }), 5000, 5000),
      ['c Error 1', 'finished'],
    ],
    ['no image', at(pod({ fail: 'ErrImagePull' }), 100), ['c ErrImagePull 0']],
  ];
  test.each(cases)('%s', (_, got, want) => expect(got).toEqual(want));
});

test('addresses are unique, and come back to their pod', () => {
  const addresses = createFakeAddresses();
  expect([fakeNodeAddress(0), fakeNodeAddress(300)]).toEqual(['10.112.0.1', '10.112.1.45']);
  const given = new Set(Array.from({ length: 2000 }, (_, i) => addresses.take(i % 10, undefined)));
  expect(given.size).toBe(2000);
  expect(addresses.take(0, '10.200.0.1')).toBe('10.200.0.1');
  expect(addresses.take(0, '10.200.0.1')).not.toBe('10.200.0.1');
});

describe('provider', () => {
  const resolved = (of: Pod): ResolvedPod => ({
    pod: of,
    containers: {},
    volumes: [],
    dns: { nameservers: [], searches: [], options: [] },
    hostname: 'p',
    hostAliases: [],
    pullSecrets: [],
    nodeAddresses: [],
  });
  const ref = { namespace: 'ns', name: 'p', uid: 'u' };

  test('a pod that ran before this process did goes on where it was', async () => {
    const clock = createManualClock();
    const provider = createSimulatedProvider({ clock });
    const startTime = new Date(clock.now() - 60_000).toISOString();
    await provider.createPod(
      resolved(
        pod(
          { 'run-for': '90s' },
          { restartPolicy: 'Never' },
          { status: { phase: 'Running', startTime, podIP: '10.130.0.7' } },
        ),
      ),
    );
    expect(await provider.observePod(ref)).toMatchObject({
      podIp: '10.130.0.7',
      containers: [{ state: { running: {} } }],
    });
    await clock.advance(30_000);
    expect((await provider.observePod(ref))?.finished).toBe(true);
  });

  test('commands are refused with the alternative; logs and metrics are simulated', async () => {
    const provider = createSimulatedProvider({ clock: createManualClock() });
    await provider.createPod(resolved(pod({ logs: 'hello', cpu: '250m', memory: '1Mi' })));
    const io = {
      stdin: undefined,
      stdout: undefined,
      stderr: undefined,
      tty: false,
      onResize: () => {},
      signal: new AbortController().signal,
    };
    await expect(provider.exec(ref, 'c', ['sh'], io)).rejects.toThrow(
      'pod ns/p is simulated and runs no processes: start the cluster with --provider docker to run commands in pods',
    );
    const logs = await provider.openLogs(ref, { container: 'c', follow: false, previous: false, timestamps: false });
    let text = '';
    for await (const chunk of logs) text += String(chunk);
    expect(text).toBe('hello\n');
    await expect(
      provider.openLogs(ref, { container: 'c', follow: false, previous: true, timestamps: false }),
    ).rejects.toThrow('previous terminated container "c" in pod "p" not found');
    expect(await provider.metrics(ref)).toEqual({ c: { cpuNanocores: 250_000_000, memoryBytes: 1_048_576 } });
  });

  test('a followed log ends with the pod', async () => {
    const provider = createSimulatedProvider({ clock: createManualClock() });
    await provider.createPod(resolved(pod()));
    const stream = await provider.openLogs(ref, { container: 'c', follow: true, previous: false, timestamps: false });
    const ended = new Promise((resolve) => stream.on('end', resolve));
    stream.resume();
    await provider.deletePod(ref, 0);
    await ended;
  });

  test('starts are reported, a moment later', async () => {
    const clock = createManualClock();
    const provider = createSimulatedProvider({ clock });
    const events: string[] = [];
    provider.subscribe?.(
      () => {},
      (e) => void events.push(`${e.fieldPath} ${e.reason}`),
    );
    await provider.createPod(resolved(pod()));
    expect(events).toEqual([]);
    await clock.advance(1_000);
    expect(events).toEqual(['spec.containers{c} Pulled', 'spec.containers{c} Created', 'spec.containers{c} Started']);
  });

  test('many nodes, and none that it has not', async () => {
    const provider = createSimulatedProvider({
      clock: createManualClock(),
      nodeNames: Array.from({ length: 1000 }, (_, i) => `n${i}`),
      labels: (_, i) => ({ zone: `z${i % 3}` }),
    });
    const nodes = await provider.nodes();
    expect(nodes.size).toBe(1000);
    expect(nodes.get('n4')?.labels).toEqual({ 'node.kubernetes.io/instance-type': 'simulated', zone: 'z1' });
    await expect(provider.createPod(resolved(pod()))).rejects.toMatchObject({ code: 'invalid' });
  });
});
