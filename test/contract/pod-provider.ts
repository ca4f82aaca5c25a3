/** What every pod provider guarantees (lambdas/virtual-kubelet/providers/provider.ts). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type {
  ObservedContainer,
  ObservedPod,
  PodLogs,
  PodProvider,
  PodRef,
  ResolvedPod,
} from '@nodeless/virtual-kubelet/providers/provider';

/** What a pod of the suite is to do; each provider says how a pod is made to do it. */
export type Behaviour = 'runs' | 'succeeds' | 'fails' | 'crashes' | 'has no image';

export interface ProviderHarness {
  readonly provider: PodProvider & Partial<PodLogs>;
  /** Container fields and annotations that make it behave so. The failing ones end with code 3. */
  behave(behaviour: Behaviour): {
    readonly container: Partial<Container>;
    readonly annotations?: Record<string, string>;
  };
  /** The provider of a process that starts after the first has ended; undefined = nothing outlives the process. */
  restart?(): Promise<PodProvider>;
  dispose(): Promise<void>;
}

export interface SuiteOptions {
  readonly skip?: readonly { readonly test: string; readonly reason: string }[];
  /** How long to wait for something to become so. */
  readonly patienceMs?: number;
}

let sequence = 0;

export function describePodProvider(
  name: string,
  make: () => Promise<ProviderHarness>,
  options: SuiteOptions = {},
): void {
  const { patienceMs = 15_000 } = options;
  describe(`pod provider: ${name}`, () => {
    let harness: ProviderHarness;
    let provider: ProviderHarness['provider'];
    let node = '';

    beforeAll(async () => {
      harness = await make();
      provider = harness.provider;
      node = [...(await provider.nodes()).keys()][0] ?? '';
    }, 60_000);
    afterAll(() => harness?.dispose(), 60_000);

    const run = (title: string, body: () => Promise<void>): void => {
      const skipped = options.skip?.find((s) => s.test === title);
      // A case that says nothing about such a provider is no lack of this machine: it is left out, not reported.
      if (!skipped) test(title, body, patienceMs * 3);
    };

    function aPod(behaviour: Behaviour, restartPolicy = 'Always'): ResolvedPod {
      const { container, annotations = {} } = harness.behave(behaviour);
      const uid = `00000000-0000-4000-8000-${String(++sequence).padStart(12, '0')}`;
      const spec = { name: 'app', ...container };
      const pod: Pod = {
        metadata: { namespace: 'contract', name: `pod-${sequence}`, uid, generation: 1, annotations },
        spec: { nodeName: node, restartPolicy, terminationGracePeriodSeconds: 1, containers: [spec] },
      };
      return {
        pod,
        containers: {
          app: { name: 'app', env: [{ name: 'GREETING', value: 'hello' }], command: spec.command, args: spec.args },
        },
        volumes: [],
        dns: { nameservers: ['10.96.0.10'], searches: [], options: [] },
        hostname: `pod-${sequence}`,
        hostAliases: [],
        pullSecrets: [],
        nodeAddresses: [],
      };
    }
    const refOf = (pod: ResolvedPod): PodRef => ({
      namespace: pod.pod.metadata?.namespace ?? '',
      name: pod.pod.metadata?.name ?? '',
      uid: pod.pod.metadata?.uid ?? '',
    });
    const appOf = (pod: ObservedPod | undefined): ObservedContainer | undefined =>
      pod?.containers.find((c) => c.name === 'app');

    async function until(
      ref: PodRef,
      what: (pod: ObservedPod | undefined) => boolean,
      of: PodProvider = provider,
    ): Promise<ObservedPod> {
      const end = Date.now() + patienceMs;
      for (;;) {
        const pod = await of.observePod(ref);
        if (what(pod)) return pod as ObservedPod;
        if (Date.now() > end) throw new Error(`did not become so: ${JSON.stringify(pod, null, 1)}`);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    }
    const isRunning = (pod: ObservedPod | undefined): boolean => appOf(pod)?.state.running !== undefined;
    const started = async (pod: ResolvedPod): Promise<ObservedPod> => {
      await provider.createPod(pod);
      return until(refOf(pod), isRunning);
    };

    run('offers nodes with what they hold and an address', async () => {
      const nodes = await provider.nodes();
      expect(nodes.size).toBeGreaterThan(0);
      for (const { capacity, allocatable, addresses, info } of nodes.values()) {
        for (const resource of ['cpu', 'memory', 'pods']) {
          expect(capacity[resource]).toMatch(/^\d/);
          expect(allocatable[resource]).toMatch(/^\d/);
        }
        expect(addresses.find((a) => a.type === 'InternalIP')?.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
        expect(info.operatingSystem).toBe('linux');
      }
      expect([...(await provider.nodes()).keys()]).toEqual([...nodes.keys()]);
    });

    run('runs a pod and shows it', async () => {
      const pod = aPod('runs');
      const observed = await started(pod);
      expect(observed).toMatchObject({ ref: refOf(pod), nodeName: node, finished: false });
      expect(observed.podIp).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(observed.podIps[0]).toBe(observed.podIp);
      expect(appOf(observed)).toMatchObject({ kind: 'regular', restartCount: 0, started: true, ready: true });
      expect(appOf(observed)?.containerId).toMatch(/^[a-z]+:\/\/.+/);
      expect(Date.parse(appOf(observed)?.state.running?.startedAt ?? '')).toBeGreaterThan(Date.now() - 600_000);
      expect((await provider.listPods()).map((p) => p.ref.uid)).toContain(refOf(pod).uid);
    });

    run('createPod may be repeated', async () => {
      const pod = aPod('runs');
      await Promise.all([provider.createPod(pod), provider.createPod(pod)]);
      const before = await until(refOf(pod), isRunning);
      await provider.createPod(pod);
      await provider.updatePod(pod);
      const after = await until(refOf(pod), isRunning);
      expect(appOf(after)?.containerId).toBe(appOf(before)?.containerId);
      expect((await provider.listPods()).filter((p) => p.ref.uid === refOf(pod).uid).length).toBe(1);
    });

    run('gives each pod an address of its own', async () => {
      const [a, b] = await Promise.all([started(aPod('runs')), started(aPod('runs'))]);
      expect(a.podIp).not.toBe(b.podIp);
    });

    run('knows nothing of a pod it was never given', async () => {
      const ref = { namespace: 'contract', name: 'nobody', uid: '99999999-0000-4000-8000-000000000000' };
      expect(await provider.observePod(ref)).toBeUndefined();
      await provider.stopPod(ref, 1);
      await provider.deletePod(ref, 1);
    });

    run('a task that succeeds is finished', async () => {
      const pod = aPod('succeeds', 'Never');
      await provider.createPod(pod);
      const observed = await until(refOf(pod), (p) => p?.finished === true);
      expect(appOf(observed)?.state.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
      expect(appOf(observed)?.restartCount).toBe(0);
    });

    run('a task that fails is finished, with its code', async () => {
      const pod = aPod('fails', 'Never');
      await provider.createPod(pod);
      const observed = await until(refOf(pod), (p) => p?.finished === true);
      expect(appOf(observed)?.state.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
      const { startedAt, finishedAt } = appOf(observed)?.state.terminated ?? {};
      expect(Date.parse(finishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(startedAt ?? ''));
    });

    run('one that keeps failing is restarted, then waits in CrashLoopBackOff', async () => {
      const pod = aPod('crashes');
      await provider.createPod(pod);
      const observed = await until(refOf(pod), (p) => appOf(p)?.state.waiting?.reason === 'CrashLoopBackOff');
      expect(appOf(observed)).toMatchObject({ ready: false, lastState: { terminated: { exitCode: 3 } } });
      expect(appOf(observed)?.restartCount).toBeGreaterThanOrEqual(1);
      expect(appOf(observed)?.state.waiting?.message).toMatch(
        /^back-off \d+s restarting failed container=app pod=pod-\d+_contract\(.*\)$/,
      );
      expect(observed.finished).toBe(false);
    });

    run('an image that cannot be had is a reason to wait', async () => {
      const pod = aPod('has no image');
      await provider.createPod(pod);
      const observed = await until(
        refOf(pod),
        (p) => appOf(p)?.state.waiting !== undefined && appOf(p)?.state.waiting?.reason !== 'ContainerCreating',
      );
      expect(['ErrImagePull', 'ImagePullBackOff']).toContain(appOf(observed)?.state.waiting?.reason);
      expect(appOf(observed)?.state.waiting?.message).toMatch(/\w+/);
    });

    run('a container whose environment cannot be made waits until it can', async () => {
      const pod = aPod('runs');
      const message = 'configmap "x" not found';
      await provider.createPod({
        ...pod,
        containers: {
          app: {
            name: 'app',
            env: [],
            command: undefined,
            args: undefined,
            error: { reason: 'CreateContainerConfigError', message },
          },
        },
      });
      const waiting = await until(refOf(pod), (p) => appOf(p)?.state.waiting?.reason === 'CreateContainerConfigError');
      expect(appOf(waiting)?.state.waiting?.message).toBe(message);
      await provider.updatePod(pod);
      await until(refOf(pod), isRunning);
    });

    run('stopPod ends everything and leaves it to be seen', async () => {
      const pod = aPod('runs');
      await started(pod);
      await provider.stopPod(refOf(pod), 1);
      const observed = await provider.observePod(refOf(pod));
      expect(appOf(observed)?.state.terminated).toBeDefined();
      expect(observed?.finished).toBe(true);
      await provider.stopPod(refOf(pod), 1);
      await provider.createPod(pod);
      expect(appOf(await provider.observePod(refOf(pod)))?.state.terminated).toBeDefined();
    });

    run('deletePod leaves nothing, however often it is asked', async () => {
      const pod = aPod('runs');
      await started(pod);
      await Promise.all([provider.deletePod(refOf(pod), 1), provider.deletePod(refOf(pod), 1)]);
      expect(await provider.observePod(refOf(pod))).toBeUndefined();
      expect((await provider.listPods()).map((p) => p.ref.uid)).not.toContain(refOf(pod).uid);
      await provider.deletePod(refOf(pod), 1);
    });

    run('tells of changes', async () => {
      const pod = aPod('fails', 'Never');
      const told: string[] = [];
      const listener = provider.subscribe?.(
        (ref) => void told.push(ref.uid),
        () => {},
      );
      await provider.createPod(pod);
      await until(refOf(pod), (p) => p?.finished === true);
      listener?.stop();
      // A provider may show the end in its very first answer; then there was no change to tell of.
      if (provider.name !== 'simulated') expect(told).toContain(refOf(pod).uid);
    });

    run('logs can be read, and only of what exists', async () => {
      const open = provider.openLogs;
      if (!open) return;
      const pod = aPod('runs');
      await started(pod);
      const read = async (container: string): Promise<string> => {
        const chunks: Buffer[] = [];
        for await (const chunk of await open(refOf(pod), {
          container,
          follow: false,
          previous: false,
          timestamps: false,
        }))
          chunks.push(chunk as Buffer);
        return Buffer.concat(chunks).toString();
      };
      const end = Date.now() + patienceMs;
      while ((await read('app')) === '' && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 30));
      expect(await read('app')).not.toBe('');
      await expect(read('nobody')).rejects.toMatchObject({ name: 'ProviderError', code: 'not-found' });
    });

    run('pods outlive the process that began them', async () => {
      const pod = aPod('runs');
      const before = await started(pod);
      const next = (await harness.restart?.()) as PodProvider;
      try {
        const found = (await next.listPods()).find((p) => p.ref.uid === refOf(pod).uid);
        expect(found).toMatchObject({ ref: refOf(pod), nodeName: node, podIp: before.podIp });
        expect(appOf(found)?.containerId).toBe(appOf(before)?.containerId);
        await next.createPod(pod);
        const after = await until(refOf(pod), isRunning, next);
        expect(appOf(after)).toMatchObject({ containerId: appOf(before)?.containerId, restartCount: 0 });
        await next.deletePod(refOf(pod), 1);
        expect(await next.observePod(refOf(pod))).toBeUndefined();
      } finally {
        await next.close();
      }
    });
  });
}
