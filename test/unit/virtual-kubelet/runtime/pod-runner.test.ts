import { describe, expect, test } from 'vitest';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { silentLogger } from '@nodeless/component-base/logger';
import type { PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import {
  type PodEvent,
  ProviderError,
  type ResolvedPod,
  type ResolvedVolume,
} from '@nodeless/virtual-kubelet/providers/provider';
import { createPodRunner } from '@nodeless/virtual-kubelet/runtime/pod-runner';
import { createFakeRuntime, unavailable } from './fake-runtime.ts';

const ref = { namespace: 'ns', name: 'p', uid: 'u' };

function setup() {
  const clock = createManualClock();
  const runtime = createFakeRuntime(clock);
  const runner = createPodRunner({
    runtime,
    clock,
    log: silentLogger,
    dial: () => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })),
  });
  const events: string[] = [];
  runner.subscribe?.(
    () => {},
    (e: PodEvent) => void events.push(`${e.type} ${e.reason} ${e.fieldPath ?? '-'}: ${e.message}`),
  );
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 12; i++) await clock.advance(0);
  };
  const states = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      ((await runner.observePod(ref))?.containers ?? []).map((c) => [
        c.name,
        `${c.state.running ? (c.ready ? 'ready' : c.started ? 'started' : 'running') : (c.state.waiting?.reason ?? c.state.terminated?.reason)} ${c.restartCount}`,
      ]),
    );
  return { clock, runtime, runner, events, settle, states };
}

function resolved(spec: Partial<PodSpec> = {}, more: Partial<ResolvedPod> = {}): ResolvedPod {
  const full: PodSpec = {
    nodeName: 'n',
    terminationGracePeriodSeconds: 30,
    containers: [{ name: 'a', image: 'a:1' }],
    ...spec,
  };
  const names = [...full.containers, ...(full.initContainers ?? []), ...(full.ephemeralContainers ?? [])].map(
    (c) => c.name,
  );
  return {
    pod: { metadata: { ...ref, generation: 1 }, spec: full },
    containers: Object.fromEntries(names.map((name) => [name, { name, env: [], command: undefined, args: undefined }])),
    volumes: [],
    dns: { nameservers: [], searches: [], options: [] },
    hostname: 'p',
    hostAliases: [],
    pullSecrets: [],
    nodeAddresses: [],
    ...more,
  };
}

describe("a pod's life", () => {
  test('volumes, network, images, init containers, containers: in that order, each with its event', async () => {
    const h = setup();
    await h.runner.createPod(resolved({ initContainers: [{ name: 'i', image: 'i:1' }] }));
    await h.settle();
    expect(h.runtime.calls).toEqual([
      'writeVolumes',
      'createSandbox #0',
      'pullImage i:1',
      'createContainer i #0',
      'startContainer i-0',
    ]);
    h.runtime.exit('i', 0);
    await h.settle();
    expect(h.runtime.calls.slice(5)).toEqual(['pullImage a:1', 'createContainer a #0', 'startContainer a-0']);
    expect(await h.states()).toEqual({ i: 'Completed 0', a: 'ready 0' });
    expect(h.events).toEqual([
      'Normal Pulling spec.initContainers{i}: Pulling image "i:1"',
      'Normal Pulled spec.initContainers{i}: Successfully pulled image "i:1" in 0.000s (0.000s including waiting). Image size: 10 bytes.',
      'Normal Created spec.initContainers{i}: Container created',
      'Normal Started spec.initContainers{i}: Container started',
      'Normal Pulling spec.containers{a}: Pulling image "a:1"',
      'Normal Pulled spec.containers{a}: Successfully pulled image "a:1" in 0.000s (0.000s including waiting). Image size: 10 bytes.',
      'Normal Created spec.containers{a}: Container created',
      'Normal Started spec.containers{a}: Container started',
    ]);
  });

  test('createPod twice changes nothing', async () => {
    const h = setup();
    await h.runner.createPod(resolved());
    await h.settle();
    const calls = h.runtime.calls.length;
    await h.runner.createPod(resolved());
    await h.settle();
    expect(h.runtime.calls.length).toBe(calls);
  });

  test('a crash loop, with its events and its last state', async () => {
    const h = setup();
    await h.runner.createPod(resolved());
    await h.settle();
    h.runtime.exit('a', 1, { message: 'why' });
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 1' });
    h.runtime.exit('a', 1);
    await h.settle();
    expect(await h.states()).toEqual({ a: 'CrashLoopBackOff 1' });
    expect(h.events.at(-1)).toBe(
      'Warning BackOff spec.containers{a}: Back-off restarting failed container a in pod p_ns(u)',
    );
    await h.clock.advance(9_999);
    expect(await h.states()).toEqual({ a: 'CrashLoopBackOff 1' });
    await h.clock.advance(1);
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 2' });
    expect((await h.runner.observePod(ref))?.containers[0]?.lastState?.terminated).toMatchObject({
      exitCode: 1,
      reason: 'Error',
      containerID: 'fake://a-1',
    });
    expect(h.runtime.containers().map((c) => c.id)).toEqual(['a-1', 'a-2']);
  });

  test('a task ends, its sidecar with it, and the network is given back', async () => {
    const h = setup();
    await h.runner.createPod(
      resolved({ restartPolicy: 'Never', initContainers: [{ name: 's', image: 's:1', restartPolicy: 'Always' }] }),
    );
    await h.settle();
    expect(await h.states()).toEqual({ s: 'ready 0', a: 'ready 0' });
    h.runtime.exit('a', 0);
    await h.settle();
    expect(await h.states()).toEqual({ s: 'Completed 0', a: 'Completed 0' });
    expect(h.runtime.calls.slice(-2)).toEqual(['stopContainer s-0 30', 'stopSandbox']);
    expect((await h.runner.observePod(ref))?.finished).toBe(true);
    expect(h.events.at(-1)).toBe('Normal Killing spec.initContainers{s}: Stopping container s');
  });

  test('a sandbox that died is made again, and everything in it', async () => {
    const h = setup();
    await h.runner.createPod(resolved({ initContainers: [{ name: 'i', image: 'i:1' }] }));
    await h.settle();
    h.runtime.exit('i', 0);
    await h.settle();
    h.runtime.killSandbox();
    await h.settle();
    expect(h.events).toContain('Normal SandboxChanged -: Pod sandbox changed, it will be killed and re-created.');
    h.runtime.exit('i', 0);
    await h.settle();
    expect(await h.states()).toEqual({ i: 'Completed 1', a: 'ready 1' });
  });

  test('a new image takes the place of the old', async () => {
    const h = setup();
    await h.runner.createPod(resolved());
    await h.settle();
    await h.runner.updatePod(resolved({ containers: [{ name: 'a', image: 'a:2' }] }));
    await h.settle();
    expect(h.events).toContain('Normal Killing spec.containers{a}: Container a definition changed, will be restarted');
    expect(
      h.runtime
        .containers()
        .filter((c) => c.state === 'running')
        .map((c) => c.image),
    ).toEqual(['a:2']);
  });

  test('changed files are written once, unchanged ones not again', async () => {
    const h = setup();
    const volume = (text: string): ResolvedVolume[] => [
      { name: 'v', kind: 'files', readOnly: true, files: [{ path: 'k', content: Buffer.from(text), mode: 0o644 }] },
    ];
    for (const text of ['1', '1', '2', '2']) {
      await h.runner.updatePod(resolved({}, { volumes: volume(text) }));
      await h.settle();
    }
    expect(h.runtime.calls.filter((c) => c === 'writeVolumes').length).toBe(2);
  });
});

describe('what goes wrong', () => {
  test('a pull that fails is tried again after 10, then 20 seconds', async () => {
    const h = setup();
    for (let i = 0; i < 2; i++)
      h.runtime.failNext('pullImage', new ProviderError('invalid', 'not there', { reason: 'ErrImagePull' }));
    await h.runner.createPod(resolved());
    await h.settle();
    const waiting = async () => (await h.runner.observePod(ref))?.containers[0]?.state.waiting;
    expect(await waiting()).toEqual({ reason: 'ErrImagePull', message: 'not there' });
    await h.clock.advance(5_000);
    await h.settle();
    expect(await waiting()).toEqual({
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "a:1": ErrImagePull: not there',
    });
    expect(h.events).toEqual([
      'Normal Pulling spec.containers{a}: Pulling image "a:1"',
      'Warning Failed spec.containers{a}: Failed to pull image "a:1": not there',
      'Warning Failed spec.containers{a}: Error: ErrImagePull',
      'Normal BackOff spec.containers{a}: Back-off pulling image "a:1"',
      'Warning Failed spec.containers{a}: Error: ImagePullBackOff',
    ]);
    await h.clock.advance(5_000);
    await h.settle();
    expect(h.runtime.calls.filter((c) => c.startsWith('pullImage')).length).toBe(2);
    await h.clock.advance(19_999);
    await h.settle();
    expect(h.runtime.calls.filter((c) => c.startsWith('pullImage')).length).toBe(2);
    await h.clock.advance(1);
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 0' });
  });

  const images: [string, object, string][] = [
    [
      'an invalid name',
      { image: 'A B' },
      'InvalidImageName: Failed to apply default image tag "A B": couldn\'t parse image name "A B": invalid reference format',
    ],
    [
      'never pulled',
      { image: 'x:1', imagePullPolicy: 'Never' },
      'ErrImageNeverPull: Container image "x:1" is not present with pull policy of Never',
    ],
  ];
  test.each(images)('%s', async (_, container, want) => {
    const h = setup();
    await h.runner.createPod(resolved({ containers: [{ name: 'a', ...container }] }));
    await h.settle();
    const waiting = (await h.runner.observePod(ref))?.containers[0]?.state.waiting;
    expect(`${waiting?.reason}: ${waiting?.message}`).toBe(want);
  });

  test('an image that is there is not pulled, unless it always is', async () => {
    const h = setup();
    h.runtime.present.add('a:1').add('b:latest');
    await h.runner.createPod(
      resolved({
        containers: [
          { name: 'a', image: 'a:1' },
          { name: 'b', image: 'b' },
        ],
      }),
    );
    await h.settle();
    expect(h.runtime.calls.filter((c) => c.startsWith('pullImage'))).toEqual(['pullImage b:latest']);
    expect(h.events).toContain(
      'Normal Pulled spec.containers{a}: Container image "a:1" already present on machine and can be accessed by the pod',
    );
  });

  test('a container the engine refuses to make', async () => {
    const h = setup();
    h.runtime.failNext(
      'createContainer',
      new ProviderError('invalid', 'container has runAsNonRoot and image will run as root', {
        reason: 'CreateContainerConfigError',
      }),
    );
    await h.runner.createPod(resolved());
    await h.settle();
    expect(await h.states()).toEqual({ a: 'CreateContainerConfigError 0' });
    expect(h.events.at(-1)).toBe(
      'Warning Failed spec.containers{a}: Error: container has runAsNonRoot and image will run as root',
    );
    await h.clock.advance(10_000);
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 0' });
  });

  test('one it cannot start counts as a run that failed', async () => {
    const h = setup();
    for (let i = 0; i < 2; i++)
      h.runtime.failNext(
        'startContainer',
        new ProviderError('invalid', 'exec: "nope": not found', { reason: 'RunContainerError' }),
      );
    await h.runner.createPod(resolved());
    await h.settle();
    const seen = (await h.runner.observePod(ref))?.containers[0];
    expect(seen?.state.waiting?.reason).toBe('CrashLoopBackOff');
    expect(seen?.lastState?.terminated).toMatchObject({
      exitCode: 128,
      reason: 'StartError',
      message: 'exec: "nope": not found',
    });
  });

  test('a sandbox that cannot be made', async () => {
    const h = setup();
    h.runtime.failNext('createSandbox', new ProviderError('invalid', 'no address'));
    await h.runner.createPod(resolved());
    await h.settle();
    expect(h.events).toEqual(['Warning FailedCreatePodSandBox -: Failed to create pod sandbox: no address']);
    await h.clock.advance(10_000);
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 0' });
  });

  test('a volume that cannot be made', async () => {
    const h = setup();
    h.runtime.failNext(
      'writeVolumes',
      new ProviderError('invalid', 'hostPath type check failed: /x is not a directory', { reason: 'FailedMount' }),
    );
    await h.runner.createPod(resolved());
    await h.settle();
    expect(h.events).toEqual(['Warning FailedMount -: hostPath type check failed: /x is not a directory']);
    await h.clock.advance(10_000);
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 0' });
  });

  test('an environment that cannot be made waits for the next update', async () => {
    const h = setup();
    const error = { reason: 'CreateContainerConfigError', message: 'secret "s" not found' } as const;
    await h.runner.createPod(
      resolved({}, { containers: { a: { name: 'a', env: [], command: undefined, args: undefined, error } } }),
    );
    await h.settle();
    expect(await h.states()).toEqual({ a: 'CreateContainerConfigError 0' });
    await h.runner.updatePod(resolved());
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 0' });
  });

  test('an engine that is away is waited for', async () => {
    const h = setup();
    h.runtime.failNext('createSandbox', unavailable());
    await h.runner.createPod(resolved());
    await h.settle();
    expect(h.events).toEqual([]);
    await h.clock.advance(2_000);
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 0' });
  });
});

describe('stopping', () => {
  test('preStop, then the signal, within one grace', async () => {
    const h = setup();
    let preStop: (() => void) | undefined;
    h.runtime.exec = (_id, command) =>
      command[0] === 'bye'
        ? new Promise((resolve) => (preStop = () => resolve({ exitCode: 0, output: '', timedOut: false })))
        : { exitCode: 0, output: '', timedOut: false };
    await h.runner.createPod(
      resolved({ containers: [{ name: 'a', image: 'a:1', lifecycle: { preStop: { exec: { command: ['bye'] } } } }] }),
    );
    await h.settle();
    const gone = h.runner.stopPod(ref, 30);
    await h.settle();
    expect(h.events.at(-1)).toBe('Normal Killing spec.containers{a}: Stopping container a');
    await h.clock.advance(10_000);
    preStop?.();
    await h.settle();
    await gone;
    expect(h.runtime.calls.slice(-2)).toEqual(['stopContainer a-0 20', 'stopSandbox']);
    expect((await h.runner.observePod(ref))?.finished).toBe(true);
    await h.runner.deletePod(ref, 0);
    expect(await h.runner.observePod(ref)).toBeUndefined();
    expect(await h.runner.listPods()).toEqual([]);
  });

  test('a preStop that takes too long is left behind', async () => {
    const h = setup();
    h.runtime.exec = () => new Promise(() => {});
    await h.runner.createPod(
      resolved({ containers: [{ name: 'a', image: 'a:1', lifecycle: { preStop: { exec: { command: ['bye'] } } } }] }),
    );
    await h.settle();
    const gone = h.runner.stopPod(ref, 5);
    await h.clock.advance(5_000);
    await h.settle();
    await gone;
    expect(h.events.at(-1)).toBe('Warning FailedPreStopHook spec.containers{a}: PreStopHook failed');
    expect(h.runtime.calls.at(-2)).toBe('stopContainer a-0 2');
  });

  test('sidecars go last, in reverse', async () => {
    const h = setup();
    h.runtime.stopMs = 3_000;
    const side = (name: string) => ({ name, image: `${name}:1`, restartPolicy: 'Always' });
    await h.runner.createPod(resolved({ initContainers: [side('s1'), side('s2')] }));
    await h.settle();
    const gone = h.runner.stopPod(ref, 30);
    for (let i = 0; i < 12; i++) await h.clock.advance(1_000);
    await gone;
    expect(h.runtime.calls.filter((c) => c.startsWith('stopContainer'))).toEqual([
      'stopContainer a-0 30',
      'stopContainer s2-0 27',
      'stopContainer s1-0 24',
    ]);
  });

  test('a shorter grace takes the longer one over', async () => {
    const h = setup();
    h.runtime.stopMs = 60_000;
    await h.runner.createPod(resolved());
    await h.settle();
    const gone = h.runner.stopPod(ref, 30);
    await h.settle();
    void h.runner.stopPod(ref, 3);
    await h.settle();
    expect(h.runtime.calls.filter((c) => c.startsWith('stopContainer'))).toEqual([
      'stopContainer a-0 30',
      'stopContainer a-0 3',
    ]);
    await h.clock.advance(30_000);
    await gone;
    expect(h.runtime.containers()[0]?.finishedAt).toBe(Date.UTC(2030, 0, 1) + 3_000);
  });

  test('nothing is started while it stops, and a pod that is not there has stopped', async () => {
    const h = setup();
    await h.runner.createPod(resolved());
    await h.settle();
    await h.runner.stopPod(ref, 1);
    await h.runner.createPod(resolved());
    await h.clock.advance(60_000);
    expect(h.runtime.containers().every((c) => c.state === 'exited')).toBe(true);
    await h.runner.stopPod({ ...ref, uid: 'other' }, 1);
    await h.runner.deletePod({ ...ref, uid: 'other' }, 1);
  });

  test('pods of an earlier process are found, and stopped without their specs', async () => {
    const h = setup();
    await h.runner.createPod(resolved());
    await h.settle();
    await h.runner.close();
    const next = createPodRunner({
      runtime: h.runtime,
      clock: h.clock,
      log: silentLogger,
      dial: () => Promise.reject(new Error('no')),
    });
    expect((await next.listPods()).map((p) => [p.ref.uid, p.containers[0]?.state.running !== undefined])).toEqual([
      ['u', true],
    ]);
    await next.deletePod(ref, 1);
    expect(await next.listPods()).toEqual([]);
  });
});

describe('hooks and probes', () => {
  test('a container is not ready while its postStart hook runs', async () => {
    const h = setup();
    let finish: (() => void) | undefined;
    h.runtime.exec = () =>
      new Promise((resolve) => (finish = () => resolve({ exitCode: 0, output: '', timedOut: false })));
    await h.runner.createPod(
      resolved({ containers: [{ name: 'a', image: 'a:1', lifecycle: { postStart: { exec: { command: ['hi'] } } } }] }),
    );
    await h.settle();
    expect((await h.states())['a'] ?? 'running 0').not.toBe('ready 0');
    finish?.();
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 0' });
  });

  test('a postStart hook that fails ends the container', async () => {
    const h = setup();
    h.runtime.exec = () => ({ exitCode: 1, output: 'oops', timedOut: false });
    await h.runner.createPod(
      resolved({
        restartPolicy: 'Never',
        containers: [{ name: 'a', image: 'a:1', lifecycle: { postStart: { exec: { command: ['hi'] } } } }],
      }),
    );
    await h.settle();
    expect(h.events.slice(-2)).toEqual([
      'Warning FailedPostStartHook spec.containers{a}: PostStartHook failed',
      'Normal Killing spec.containers{a}: FailedPostStartHook',
    ]);
    expect(h.runtime.containers()[0]?.state).toBe('exited');
  });

  test('readiness follows its probe', async () => {
    const h = setup();
    let ok = false;
    h.runtime.exec = () => ({ exitCode: ok ? 0 : 1, output: 'not yet', timedOut: false });
    await h.runner.createPod(
      resolved({
        containers: [
          {
            name: 'a',
            image: 'a:1',
            readinessProbe: {
              exec: { command: ['ready'] },
              periodSeconds: 5,
              failureThreshold: 2,
              successThreshold: 1,
            },
          },
        ],
      }),
    );
    await h.settle();
    expect(await h.states()).toEqual({ a: 'started 0' });
    expect(h.events.at(-1)).toBe('Warning Unhealthy spec.containers{a}: Readiness probe failed: not yet');
    ok = true;
    await h.clock.advance(5_000);
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 0' });
    ok = false;
    await h.clock.advance(5_000);
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 0' });
    await h.clock.advance(5_000);
    await h.settle();
    expect(await h.states()).toEqual({ a: 'started 0' });
  });

  test('liveness ends the container after so many failures, and it runs again', async () => {
    const h = setup();
    h.runtime.exec = (id) => ({ exitCode: id === 'a-0' ? 1 : 0, output: 'dead', timedOut: false });
    await h.runner.createPod(
      resolved({
        containers: [
          {
            name: 'a',
            image: 'a:1',
            livenessProbe: { exec: { command: ['live'] }, periodSeconds: 1, failureThreshold: 3 },
          },
        ],
      }),
    );
    await h.settle();
    await h.clock.advance(1_000);
    await h.settle();
    expect(await h.states()).toEqual({ a: 'ready 0' });
    await h.clock.advance(1_000);
    await h.settle();
    expect(h.events.filter((e) => /Unhealthy|Killing/.test(e))).toEqual([
      'Warning Unhealthy spec.containers{a}: Liveness probe failed: dead',
      'Warning Unhealthy spec.containers{a}: Liveness probe failed: dead',
      'Warning Unhealthy spec.containers{a}: Liveness probe failed: dead',
      'Normal Killing spec.containers{a}: Container a failed liveness probe, will be restarted',
    ]);
    expect(await h.states()).toEqual({ a: 'ready 1' });
  });

  test('a container that was ready before this process began stays so', async () => {
    const h = setup();
    h.runtime.exec = () => new Promise(() => {});
    const spec = { containers: [{ name: 'a', image: 'a:1', readinessProbe: { exec: { command: ['r'] } } }] };
    await h.runner.createPod(resolved(spec));
    await h.settle();
    const next = createPodRunner({
      runtime: h.runtime,
      clock: h.clock,
      log: silentLogger,
      dial: () => Promise.reject(new Error('no')),
    });
    const pod = resolved(spec);
    const status = {
      containerStatuses: [
        { name: 'a', ready: true, started: true, restartCount: 0, image: '', imageID: '', containerID: 'fake://a-0' },
      ],
    };
    await next.createPod({ ...pod, pod: { ...pod.pod, status } });
    // Asked at once, it looks first: said to be missing, the pod would leave every Service.
    expect((await next.observePod(ref))?.containers).toMatchObject([{ containerId: 'fake://a-0', ready: true }]);
    await h.settle();
    expect((await next.observePod(ref))?.containers[0]?.ready).toBe(true);
  });
});
