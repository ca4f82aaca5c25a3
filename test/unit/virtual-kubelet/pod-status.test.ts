import { describe, expect, test } from 'vitest';
import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodSpec,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { podPhase } from '@nodeless/virtual-kubelet/pod-phase';
import { podQos } from '@nodeless/virtual-kubelet/pod-qos';
import { podStatus, rejectedStatus, sameStatus } from '@nodeless/virtual-kubelet/pod-status';
import { shouldRestart } from '@nodeless/virtual-kubelet/restart-policy';
import type { ObservedContainer, ObservedPod } from '@nodeless/virtual-kubelet/providers/provider';

const now = '2030-01-01T00:00:00Z';
const earlier = '2029-12-31T23:00:00Z';
const running: ContainerState = { running: { startedAt: earlier } };
const ended = (exitCode: number): ContainerState => ({
  terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', containerID: 'docker://x' },
});
const waits = (reason: string): ContainerState => ({ waiting: { reason } });

describe('phase', () => {
  const phase = (
    spec: Partial<PodSpec>,
    states: Record<string, ContainerState | [ContainerState, ContainerState]>,
    terminal = false,
  ) => {
    const pod: Pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'a' }], ...spec } };
    const statuses: ContainerStatus[] = Object.entries(states).map(([name, given]) => {
      const [state, lastState] = Array.isArray(given) ? given : [given, {}];
      return {
        name,
        state,
        lastState,
        ready: false,
        started: state.running !== undefined,
        restartCount: 0,
        image: '',
        imageID: '',
      };
    });
    return podPhase(pod, statuses, terminal);
  };
  const two = { containers: [{ name: 'a' }, { name: 'b' }] };
  const withInit = { initContainers: [{ name: 'i' }] };
  const sidecar = { initContainers: [{ name: 's', restartPolicy: 'Always' }] };
  const never = { restartPolicy: 'Never' };
  const onFailure = { restartPolicy: 'OnFailure' };
  const crashed: [ContainerState, ContainerState] = [waits('CrashLoopBackOff'), ended(1)];
  const cases: [string, Parameters<typeof phase>, string][] = [
    ['nothing known', [{}, {}], 'Pending'],
    ['waiting', [{}, { a: waits('ContainerCreating') }], 'Pending'],
    ['running', [{}, { a: running }], 'Running'],
    ['one of two', [two, { a: running, b: waits('ContainerCreating') }], 'Pending'],
    ['one ended, will restart', [{}, { a: ended(1) }], 'Running'],
    ['backing off', [{}, { a: crashed }], 'Running'],
    ['one backs off, one runs', [two, { a: crashed, b: running }], 'Running'],
    ['ended for good', [never, { a: ended(0) }], 'Succeeded'],
    ['failed for good', [never, { a: ended(2) }], 'Failed'],
    [
      'one good, one bad',
      [
        { ...two, ...never },
        { a: ended(0), b: ended(1) },
      ],
      'Failed',
    ],
    ['OnFailure, success', [onFailure, { a: ended(0) }], 'Succeeded'],
    ['OnFailure, failure', [onFailure, { a: ended(1) }], 'Running'],
    ['stopped by deletion', [{}, { a: ended(0) }, true], 'Succeeded'],
    ['killed by deletion', [{}, { a: ended(137) }, true], 'Failed'],
    ['init runs', [withInit, { i: running, a: waits('PodInitializing') }], 'Pending'],
    ['init done', [withInit, { i: ended(0), a: running }], 'Running'],
    ['init fails and will be tried again', [withInit, { i: crashed, a: waits('PodInitializing') }], 'Pending'],
    [
      'init fails for good',
      [
        { ...withInit, ...never },
        { i: ended(1), a: waits('PodInitializing') },
      ],
      'Failed',
    ],
    ['sidecar starts', [sidecar, { s: waits('PodInitializing'), a: waits('PodInitializing') }], 'Pending'],
    ['sidecar and main run', [sidecar, { s: running, a: running }], 'Running'],
    [
      'main done, sidecar still runs',
      [
        { ...sidecar, ...never },
        { s: running, a: ended(0) },
      ],
      'Running',
    ],
    [
      'main done, sidecar stopped',
      [
        { ...sidecar, ...never },
        { s: ended(137), a: ended(0) },
      ],
      'Succeeded',
    ],
    ['sidecar restarts under a running main', [sidecar, { s: crashed, a: running }], 'Running'],
  ];
  test.each(cases)('%s', (_, given, want) => expect(phase(...given)).toBe(want));
});

describe('restart policy', () => {
  const cases: [string, string, Partial<Container>, number, boolean, boolean][] = [
    ['Always after success', 'Always', {}, 0, false, true],
    ['OnFailure after success', 'OnFailure', {}, 0, false, false],
    ['OnFailure after failure', 'OnFailure', {}, 1, false, true],
    ['Never', 'Never', {}, 1, false, false],
    ['init that succeeded', 'Always', {}, 0, true, false],
    ['init that failed', 'Always', {}, 1, true, true],
    ['init that failed, Never', 'Never', {}, 1, true, false],
    ['sidecar that succeeded', 'Never', { restartPolicy: 'Always' }, 0, true, true],
    ["own policy over the pod's", 'Always', { restartPolicy: 'Never' }, 1, false, false],
    [
      'a rule that matches',
      'Never',
      {
        restartPolicy: 'Never',
        restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
      },
      42,
      false,
      true,
    ],
    [
      'a rule that does not',
      'Never',
      {
        restartPolicy: 'Never',
        restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
      },
      1,
      false,
      false,
    ],
    [
      'NotIn',
      'Never',
      {
        restartPolicy: 'Never',
        restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'NotIn', values: [1] } }],
      },
      2,
      false,
      true,
    ],
  ];
  test.each(cases)('%s', (_, restartPolicy, container, code, isInit, want) => {
    expect(shouldRestart({ spec: { restartPolicy, containers: [] } }, { name: 'c', ...container }, code, isInit)).toBe(
      want,
    );
  });
});

describe('quality of service', () => {
  const cases: [string, Partial<PodSpec>, string][] = [
    ['nothing asked', { containers: [{ name: 'a' }] }, 'BestEffort'],
    ['zero asked', { containers: [{ name: 'a', resources: { requests: { cpu: '0' } } }] }, 'BestEffort'],
    ['a request', { containers: [{ name: 'a', resources: { requests: { cpu: '1m' } } }] }, 'Burstable'],
    ['all limited', { containers: [{ name: 'a', resources: { limits: { cpu: '1', memory: '1Gi' } } }] }, 'Guaranteed'],
    [
      'limited as requested, written differently',
      {
        containers: [
          {
            name: 'a',
            resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } },
          },
        ],
      },
      'Guaranteed',
    ],
    ['one without memory', { containers: [{ name: 'a', resources: { limits: { cpu: '1' } } }] }, 'Burstable'],
    [
      'one container without anything',
      { containers: [{ name: 'a', resources: { limits: { cpu: '1', memory: '1Gi' } } }, { name: 'b' }] },
      'Burstable',
    ],
    [
      'the pod as a whole',
      {
        resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } },
        containers: [{ name: 'a' }],
      },
      'Guaranteed',
    ],
  ];
  test.each(cases)('%s', (_, spec, want) => expect(podQos({ spec: spec as PodSpec })).toBe(want));
});

const seen = (name: string, state: ContainerState, more: Partial<ObservedContainer> = {}): ObservedContainer => ({
  name,
  kind: 'regular',
  containerId: `docker://${name}`,
  imageId: 'sha256:1',
  image: `${name}:1`,
  state,
  lastState: undefined,
  restartCount: 0,
  started: state.running !== undefined,
  ready: state.running !== undefined,
  ...more,
});
const observed = (...containers: ObservedContainer[]): ObservedPod => ({
  ref: { namespace: 'ns', name: 'p', uid: 'u' },
  nodeName: 'n',
  podIp: '10.0.0.9',
  podIps: ['10.0.0.9'],
  startTime: undefined,
  sandboxReady: true,
  containers,
  failure: undefined,
  finished: false,
});
const pod = (spec: Partial<PodSpec> = {}, status: Pod['status'] = {}): Pod => ({
  metadata: { name: 'p', namespace: 'ns', uid: 'u', generation: 2 },
  spec: { containers: [{ name: 'a', image: 'a:1' }], ...spec },
  status,
});
const context = { now, hostIps: ['10.1.0.1'], ended: false };
const conditions = (status: Pod['status']): string[] =>
  (status?.conditions ?? []).map((c) =>
    [c.type, c.status, c.reason, c.message].filter((x) => x !== undefined).join(' '),
  );

describe('status', () => {
  test('before anything exists', () => {
    const status = podStatus(pod(), undefined, context);
    expect(status).toMatchObject({
      phase: 'Pending',
      observedGeneration: 2,
      hostIP: '10.1.0.1',
      hostIPs: [{ ip: '10.1.0.1' }],
      startTime: now,
      qosClass: 'BestEffort',
    });
    expect(status.podIP).toBeUndefined();
    expect(status.containerStatuses).toEqual([
      {
        name: 'a',
        state: { waiting: { reason: 'ContainerCreating' } },
        lastState: {},
        ready: false,
        restartCount: 0,
        image: 'a:1',
        imageID: '',
        started: false,
      },
    ]);
    expect(conditions(status)).toEqual([
      'PodReadyToStartContainers False',
      'Initialized True',
      'Ready False ContainersNotReady containers with unready status: [a]',
      'ContainersReady False ContainersNotReady containers with unready status: [a]',
      'PodScheduled True',
    ]);
  });

  test('init containers in the order of the spec, the others by name', () => {
    const spec = { initContainers: [{ name: 'z' }, { name: 'b' }], containers: [{ name: 'y' }, { name: 'c' }] };
    const status = podStatus(
      pod(spec),
      observed(seen('z', ended(0), { kind: 'init' }), seen('b', running, { kind: 'init', ready: false })),
      context,
    );
    expect(status.initContainerStatuses?.map((s) => [s.name, s.ready, s.started])).toEqual([
      ['z', true, false],
      ['b', false, true],
    ]);
    expect(status.containerStatuses?.map((s) => [s.name, s.state])).toEqual([
      ['c', waits('PodInitializing')],
      ['y', waits('PodInitializing')],
    ]);
    expect(status.phase).toBe('Pending');
    expect(conditions(status)[1]).toBe(
      'Initialized False ContainersNotInitialized containers with incomplete status: [b]',
    );
  });

  test('transition times change only with the status', () => {
    const before: Pod['status'] = {
      phase: 'Running',
      startTime: earlier,
      conditions: [
        { type: 'Ready', status: 'True', lastTransitionTime: earlier },
        { type: 'PodScheduled', status: 'True', lastTransitionTime: earlier },
      ],
    };
    const status = podStatus(pod({}, before), observed(seen('a', running, { ready: false })), context);
    expect(status.startTime).toBe(earlier);
    expect(status.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
      status: 'False',
      lastTransitionTime: now,
    });
    expect(status.conditions?.find((c) => c.type === 'PodScheduled')?.lastTransitionTime).toBe(earlier);
  });

  test('conditions of others stay, and count for readiness gates', () => {
    const gated = pod(
      { readinessGates: [{ conditionType: 'lb' }] },
      {
        conditions: [
          { type: 'lb', status: 'False' },
          { type: 'DisruptionTarget', status: 'True' },
        ],
      },
    );
    const status = podStatus(gated, observed(seen('a', running)), context);
    expect(conditions(status).slice(0, 2)).toEqual(['lb False', 'DisruptionTarget True']);
    expect(conditions(status)).toContain(
      'Ready False ReadinessGatesNotReady the status of pod readiness gate "lb" is not "True", but False',
    );
    expect(conditions(status)).toContain('ContainersReady True');
  });

  test('a sidecar is ready like any other, a debug container is not asked', () => {
    const spec = {
      initContainers: [{ name: 's', restartPolicy: 'Always' }],
      ephemeralContainers: [{ name: 'dbg', image: 'd' }],
    };
    const status = podStatus(
      pod(spec),
      observed(
        seen('s', running, { kind: 'init', ready: false }),
        seen('a', running),
        seen('dbg', running, { kind: 'ephemeral' }),
      ),
      context,
    );
    expect(conditions(status)).toContain(
      'ContainersReady False ContainersNotReady containers with unready status: [s]',
    );
    expect(status.ephemeralContainerStatuses?.[0]).toMatchObject({ name: 'dbg', ready: false });
    expect(status.phase).toBe('Running');
  });

  test('resources and mounts are shown of a container that exists', () => {
    const spec: Partial<PodSpec> = {
      containers: [
        {
          name: 'a',
          image: 'a:1',
          resources: { requests: { cpu: '1' }, limits: { cpu: '2' } },
          volumeMounts: [
            { name: 'v', mountPath: '/v', readOnly: true },
            { name: 'w', mountPath: '/w' },
          ],
        },
      ],
    };
    expect(podStatus(pod(spec), observed(seen('a', running)), context).containerStatuses?.[0]).toMatchObject({
      allocatedResources: { cpu: '1' },
      resources: { requests: { cpu: '1' }, limits: { cpu: '2' } },
      volumeMounts: [
        { name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Disabled' },
        { name: 'w', mountPath: '/w' },
      ],
      containerID: 'docker://a',
    });
  });

  test('completed', () => {
    const status = podStatus(
      pod({ restartPolicy: 'Never' }),
      { ...observed(seen('a', ended(0))), sandboxReady: false },
      { ...context, ended: true },
    );
    expect(status.phase).toBe('Succeeded');
    expect(conditions(status)).toEqual([
      'PodReadyToStartContainers False',
      'Initialized True PodCompleted',
      'Ready False PodCompleted',
      'ContainersReady False PodCompleted',
      'PodScheduled True',
    ]);
  });

  test('ended by the kubelet: only once everything has stopped', () => {
    const failure = { reason: 'DeadlineExceeded', message: 'too long' };
    expect(podStatus(pod(), observed(seen('a', running)), { ...context, failure }).phase).toBe('Running');
    const status = podStatus(pod(), observed(seen('a', ended(137))), { ...context, ended: true, failure });
    expect(status).toMatchObject({ phase: 'Failed', ...failure });
    expect(conditions(status)).toContain('Ready False PodFailed');
  });

  test('a phase that ended never changes again, with its reason', () => {
    const status = podStatus(
      pod({}, { phase: 'Failed', reason: 'Evicted', message: 'gone' }),
      observed(seen('a', running)),
      context,
    );
    expect(status).toMatchObject({ phase: 'Failed', reason: 'Evicted', message: 'gone' });
  });

  test('a container that ran and is nowhere any more has ended', () => {
    const before: Pod['status'] = {
      phase: 'Running',
      containerStatuses: [{ name: 'a', state: running, ready: true, restartCount: 1, image: '', imageID: '' }],
    };
    const status = podStatus(pod({}, before), observed(), context);
    expect(status.containerStatuses?.[0]).toMatchObject({
      restartCount: 2,
      state: waits('ContainerCreating'),
      lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } },
    });
    expect(status.phase).toBe('Running');
    const final = podStatus(pod({}, before), undefined, { ...context, ended: true });
    expect(final.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was terminated',
    });
    expect(final.phase).toBe('Failed');
  });

  test("addresses stay after the sandbox is gone; host network has the node's", () => {
    const gone = podStatus(
      pod({}, { podIPs: [{ ip: '10.0.0.9' }] }),
      { ...observed(), podIp: '', podIps: [] },
      context,
    );
    expect(gone.podIP).toBe('10.0.0.9');
    expect(podStatus(pod({ hostNetwork: true }), undefined, context).podIP).toBe('10.1.0.1');
  });

  test('a failure of the provider is final only if it says so', () => {
    const failing = (terminal: boolean) =>
      podStatus(
        pod(),
        { ...observed(), failure: { reason: 'OutOfCapacity', message: 'none left', terminal } },
        context,
      );
    expect(failing(true)).toMatchObject({ phase: 'Failed', reason: 'OutOfCapacity', message: 'none left' });
    expect(failing(false)).toMatchObject({ phase: 'Pending', reason: 'OutOfCapacity', message: 'none left' });
  });
});

test('a refused pod has failed and shows no containers', () => {
  expect(rejectedStatus(pod(), 'OutOfcpu', 'no', now)).toEqual({
    observedGeneration: 2,
    phase: 'Failed',
    reason: 'OutOfcpu',
    message: 'no',
    startTime: now,
    qosClass: 'BestEffort',
  });
});

test('a status that says the same is not written again', () => {
  const status = podStatus(pod(), observed(seen('a', running)), context);
  expect(sameStatus(undefined, status)).toBe(false);
  expect(sameStatus(structuredClone(status), status)).toBe(true);
  expect(sameStatus({ ...status, phase: 'Pending' }, status)).toBe(false);
  expect(
    sameStatus(
      podStatus(pod({}, status), observed(seen('a', running)), { ...context, now: '2031-01-01T00:00:00Z' }),
      status,
    ),
  ).toBe(true);
});
