import { describe, expect, test } from 'vitest';
import type { Container, Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type {
  ContainerKind,
  RuntimeContainer,
  RuntimeSandbox,
} from '@nodeless/virtual-kubelet/runtime/container-runtime';
import { type ImageProgress, planPod, type PodView } from '@nodeless/virtual-kubelet/runtime/plan-pod';
import { specHash } from '@nodeless/virtual-kubelet/runtime/spec-hash';

const now = 1_000_000_000;
const sandbox: RuntimeSandbox = { id: 'sb', attempt: 0, ready: true, createdAt: 0, podIps: ['10.0.0.1'] };
const image = (name: string): Container => ({ name, image: `${name}:1` });

interface Given {
  readonly spec?: Partial<PodSpec>;
  readonly sandbox?: RuntimeSandbox | null;
  readonly containers?: readonly RuntimeContainer[];
  readonly images?: Record<string, ImageProgress>;
  readonly failures?: Record<string, { reason: string; message: string; retryAt: number }>;
  readonly errors?: Record<string, string>;
  readonly failed?: Record<string, 'liveness' | 'startup'>;
  readonly notStarted?: readonly string[];
  readonly stopping?: readonly string[];
  readonly applied?: Record<string, object>;
  readonly wanted?: readonly string[];
}

function run(
  name: string,
  state: 'running' | 'exited' | 'created',
  more: Partial<RuntimeContainer> & { kind?: ContainerKind } = {},
): RuntimeContainer {
  return {
    id: `${name}-${more.attempt ?? 0}`,
    name,
    kind: 'regular',
    attempt: 0,
    sandboxId: 'sb',
    specHash: specHash(image(name)),
    backoffMs: 0,
    state,
    createdAt: now - 60_000,
    startedAt: now - 60_000,
    finishedAt: state === 'exited' ? now - 1_000 : 0,
    exitCode: 0,
    oomKilled: false,
    startError: '',
    image: `${name}:1`,
    imageId: '',
    message: '',
    ...more,
  };
}

function plan(given: Given) {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'ns', uid: 'u' },
    spec: { containers: [image('a')], terminationGracePeriodSeconds: 7, ...given.spec },
  };
  const view: PodView = {
    pod,
    now,
    sandbox: given.sandbox === null ? undefined : (given.sandbox ?? sandbox),
    containers: given.containers ?? [],
    image: (name) => given.images?.[name] ?? { state: 'ready' },
    startFailure: (name) => given.failures?.[name],
    configError: (name) =>
      given.errors?.[name] ? { reason: 'CreateContainerConfigError', message: given.errors[name] } : undefined,
    probe: (id) => ({ started: !given.notStarted?.includes(id), failed: given.failed?.[id] }),
    appliedResources: (id) => given.applied?.[id],
    isStopping: (id) => given.stopping?.includes(id) ?? false,
    restartWanted: (id) => given.wanted?.includes(id) ?? false,
  };
  const { actions, waiting, wakeAt, finished } = planPod(view);
  const steps = actions.map((a) => {
    if (a.type === 'start') return `start ${a.kind} ${a.container.name} #${a.attempt} ${a.backoffMs}`;
    if (a.type === 'ensure-image') return `image ${a.container.name} #${a.attempt}`;
    if (a.type === 'create-sandbox') return `sandbox #${a.attempt}${a.replaced ? ' replaced' : ''}`;
    if (a.type === 'resize') return `resize ${a.id}`;
    if (a.type === 'kill') return `kill ${a.id} ${a.graceSeconds}${a.restart ? ' restart' : ''}: ${a.message}`;
    return a.type === 'remove-container' ? `remove ${a.id}` : a.type;
  });
  return {
    steps,
    waiting: Object.fromEntries([...waiting].map(([name, w]) => [name, `${w.reason}: ${w.message}`])),
    wake: wakeAt === undefined ? undefined : wakeAt - now,
    finished,
  };
}

const init = { initContainers: [image('i1'), image('i2')] };
const sidecar = { initContainers: [{ ...image('s'), restartPolicy: 'Always' }, image('i')] };
const done = (name: string, more: Partial<RuntimeContainer> = {}) => run(name, 'exited', { kind: 'init', ...more });
const never = { restartPolicy: 'Never' };

describe('starting', () => {
  const cases: [string, Given, string[]][] = [
    ['a new pod', { sandbox: null }, ['sandbox #0']],
    ['with its network', {}, ['start regular a #0 0']],
    ['an image nobody has looked for', { images: { a: { state: 'unknown' } } }, ['image a #0']],
    ['one on its way', { images: { a: { state: 'working' } } }, []],
    [
      'two containers at once',
      { spec: { containers: [image('a'), image('b')] } },
      ['start regular a #0 0', 'start regular b #0 0'],
    ],
    ['running', { containers: [run('a', 'running')] }, []],
    [
      'made but never started',
      { containers: [run('a', 'created', { attempt: 3, backoffMs: 40_000 })] },
      ['start regular a #3 40000'],
    ],
    [
      'a debug container beside it',
      { spec: { ephemeralContainers: [image('d')] }, containers: [run('a', 'running')] },
      ['start ephemeral d #0 0'],
    ],
    [
      'a debug container that ended',
      {
        spec: { ephemeralContainers: [image('d')] },
        containers: [run('a', 'running'), run('d', 'exited', { kind: 'ephemeral' })],
      },
      [],
    ],
  ];
  test.each(cases)('%s', (_, given, want) => expect(plan(given).steps).toEqual(want));
});

describe('init containers', () => {
  const cases: [string, Given, string[]][] = [
    ['the first', { spec: init }, ['start init i1 #0 0']],
    ['the first runs', { spec: init, containers: [run('i1', 'running', { kind: 'init' })] }, []],
    ['the second', { spec: init, containers: [done('i1')] }, ['start init i2 #0 0']],
    ['all done', { spec: init, containers: [done('i1'), done('i2')] }, ['start regular a #0 0']],
    ['a failed one again', { spec: init, containers: [done('i1', { exitCode: 1 })] }, ['start init i1 #1 10000']],
    ['long done', { spec: init, containers: [run('a', 'running')] }, []],
    [
      'done in a sandbox that is no more',
      { spec: init, containers: [done('i1', { sandboxId: 'old' }), done('i2', { sandboxId: 'old' })] },
      ['start init i1 #1 10000'],
    ],
    ['a sidecar first', { spec: sidecar }, ['start init s #0 0']],
    [
      'a sidecar that has not started',
      { spec: sidecar, containers: [run('s', 'running', { kind: 'init' })], notStarted: ['s-0'] },
      [],
    ],
    ['past the sidecar', { spec: sidecar, containers: [run('s', 'running', { kind: 'init' })] }, ['start init i #0 0']],
    [
      'a sidecar that ended is started again, beside the others',
      { spec: sidecar, containers: [done('s'), run('a', 'running')] },
      ['start init s #1 10000'],
    ],
    [
      'a sidecar that ended before the others began holds them',
      { spec: sidecar, containers: [done('s', { backoffMs: 10_000 })] },
      [],
    ],
  ];
  test.each(cases)('%s', (_, given, want) => expect(plan(given).steps).toEqual(want));

  test('a failed one ends the pod where nothing is restarted', () => {
    expect(plan({ spec: { ...init, ...never }, containers: [done('i1', { exitCode: 1 })] })).toMatchObject({
      finished: true,
      steps: ['end'],
    });
  });
});

describe('restarts', () => {
  const ended = (more: Partial<RuntimeContainer>) => ({ containers: [run('a', 'exited', { exitCode: 1, ...more })] });
  const cases: [string, Given, { steps: string[]; wake?: number }][] = [
    ['the first is at once', ended({}), { steps: ['start regular a #1 10000'] }],
    ['the second after ten seconds', ended({ attempt: 1, backoffMs: 10_000 }), { steps: [], wake: 9_000 }],
    [
      'when they are over',
      ended({ attempt: 1, backoffMs: 10_000, finishedAt: now - 10_000 }),
      { steps: ['start regular a #2 20000'] },
    ],
    [
      'never more than five minutes',
      ended({ attempt: 9, backoffMs: 300_000, finishedAt: now - 300_000, createdAt: now - 301_000 }),
      { steps: ['start regular a #10 300000'] },
    ],
    [
      'after ten good minutes all is forgotten',
      ended({ attempt: 5, backoffMs: 160_000, createdAt: now - 600_001 }),
      { steps: ['start regular a #6 10000'] },
    ],
  ];
  test.each(cases)('%s', (_, given, want) => expect(plan(given)).toMatchObject(want));

  test("the wait is told in the kubelet's words", () => {
    expect(plan(ended({ attempt: 4, backoffMs: 80_000 })).waiting).toEqual({
      a: 'CrashLoopBackOff: back-off 1m20s restarting failed container=a pod=p_ns(u)',
    });
  });

  const over: [string, Given, boolean][] = [
    ['success, Never', { spec: never, containers: [run('a', 'exited')] }, true],
    ['failure, Never', { spec: never, containers: [run('a', 'exited', { exitCode: 1 })] }, true],
    ['success, OnFailure', { spec: { restartPolicy: 'OnFailure' }, containers: [run('a', 'exited')] }, true],
    ['success, Always', { containers: [run('a', 'exited')] }, false],
    [
      'one of two',
      {
        spec: { ...never, containers: [image('a'), image('b')] },
        containers: [run('a', 'exited'), run('b', 'running')],
      },
      false,
    ],
    [
      'sidecars do not count',
      { spec: { ...never, ...sidecar }, containers: [run('s', 'running', { kind: 'init' }), run('a', 'exited')] },
      true,
    ],
    [
      'ended only to be started again',
      { spec: { restartPolicy: 'OnFailure' }, containers: [run('a', 'exited')], wanted: ['a-0'] },
      false,
    ],
  ];
  test.each(over)('over: %s', (_, given, want) => {
    const { finished, steps } = plan(given);
    expect(finished).toBe(want);
    expect(steps.includes('end')).toBe(want);
  });
});

describe('ending what is not as it should be', () => {
  const probed = {
    containers: [{ ...image('a'), livenessProbe: {}, startupProbe: { terminationGracePeriodSeconds: 3 } }],
  };
  const cases: [string, Given, string[]][] = [
    [
      'another image',
      { spec: { containers: [{ name: 'a', image: 'a:2' }] }, containers: [run('a', 'running')] },
      ['kill a-0 7 restart: Container a definition changed, will be restarted'],
    ],
    [
      'liveness',
      { spec: probed, containers: [run('a', 'running')], failed: { 'a-0': 'liveness' } },
      ['kill a-0 7 restart: Container a failed liveness probe, will be restarted'],
    ],
    [
      'startup, with its own grace',
      { spec: probed, containers: [run('a', 'running')], failed: { 'a-0': 'startup' } },
      ['kill a-0 3 restart: Container a failed startup probe, will be restarted'],
    ],
    [
      'liveness where nothing restarts',
      { spec: { ...probed, ...never }, containers: [run('a', 'running')], failed: { 'a-0': 'liveness' } },
      ['kill a-0 7: Container a failed liveness probe'],
    ],
    [
      'other resources',
      {
        spec: { containers: [{ ...image('a'), resources: { limits: { cpu: '2' } } }] },
        containers: [run('a', 'running')],
        applied: { 'a-0': { limits: { cpu: '1' } } },
      },
      ['resize a-0'],
    ],
    [
      'the same, written differently',
      {
        spec: { containers: [{ ...image('a'), resources: { limits: { cpu: '1000m' } } }] },
        containers: [run('a', 'running')],
        applied: { 'a-0': { limits: { cpu: '1' } } },
      },
      [],
    ],
    [
      'other resources that want a new start',
      {
        spec: {
          containers: [
            {
              ...image('a'),
              resources: { limits: { memory: '2Gi' } },
              resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
            },
          ],
        },
        containers: [run('a', 'running')],
        applied: { 'a-0': {} },
      },
      ['kill a-0 7 restart: Container a resize requires restart'],
    ],
    [
      'already on its way out',
      { spec: probed, containers: [run('a', 'running')], failed: { 'a-0': 'liveness' }, stopping: ['a-0'] },
      [],
    ],
  ];
  test.each(cases)('%s', (_, given, want) => expect(plan(given).steps).toEqual(want));
});

describe('a sandbox that died', () => {
  const dead = { ...sandbox, ready: false };
  const cases: [string, Given, string[]][] = [
    ['is replaced', { sandbox: dead, containers: [run('a', 'exited', { exitCode: 137 })] }, ['sandbox #1 replaced']],
    [
      'after what still runs in it',
      { sandbox: dead, containers: [run('a', 'running')] },
      ['kill a-0 7 restart: Pod sandbox changed, it will be killed and re-created.'],
    ],
    [
      'is not where the pod is over',
      { spec: never, sandbox: dead, containers: [run('a', 'exited', { exitCode: 137 })] },
      ['end'],
    ],
    [
      'not while a failure is fresh',
      { sandbox: null, failures: { '': { reason: 'x', message: 'y', retryAt: now + 5_000 } } },
      [],
    ],
  ];
  test.each(cases)('%s', (_, given, want) => expect(plan(given).steps).toEqual(want));
});

describe('what cannot be started', () => {
  const cases: [string, Given, object][] = [
    [
      'a failed pull',
      { images: { a: { state: 'failed', reason: 'ErrImagePull', message: 'no', retryAt: now + 5_000 } } },
      { steps: [], wake: 5_000, waiting: { a: 'ErrImagePull: no' } },
    ],
    [
      'its next try',
      { images: { a: { state: 'failed', reason: 'ErrImagePull', message: 'no', retryAt: now } } },
      { steps: ['image a #0'], waiting: { a: 'ErrImagePull: no' } },
    ],
    [
      'an environment that cannot be made',
      { errors: { a: 'configmap "x" not found' } },
      { steps: [], waiting: { a: 'CreateContainerConfigError: configmap "x" not found' }, wake: undefined },
    ],
    [
      'a start that failed',
      { failures: { a: { reason: 'CreateContainerError', message: 'no', retryAt: now + 9_000 } } },
      { steps: [], wake: 9_000, waiting: { a: 'CreateContainerError: no' } },
    ],
    [
      'its next try, still with the reason',
      { failures: { a: { reason: 'CreateContainerError', message: 'no', retryAt: now } } },
      { steps: ['start regular a #0 0'], waiting: { a: 'CreateContainerError: no' } },
    ],
    [
      'only the one',
      { spec: { containers: [image('a'), image('b')] }, errors: { a: 'x' } },
      { steps: ['start regular b #0 0'] },
    ],
  ];
  test.each(cases)('%s', (_, given, want) => expect(plan(given)).toMatchObject(want));
});

test('of each container the newest two are kept', () => {
  const runs = [0, 1, 2, 3].map((attempt) => run('a', attempt === 3 ? 'running' : 'exited', { attempt }));
  expect(plan({ containers: runs }).steps).toEqual(['remove a-1', 'remove a-0']);
});
