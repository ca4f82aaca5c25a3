import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { Container } from '@nodeless/apimachinery/generated/types/core/v1';
import { createCloudWatchLogStore } from '@nodeless/virtual-kubelet/providers/fargate/cloudwatch-log-store';
import { createPodLogs } from '@nodeless/virtual-kubelet/providers/fargate/pod-logs';
import type { PodLogs, PodProvider, ResolvedPod } from '@nodeless/virtual-kubelet/providers/provider';
import { createLogs } from '../aws/rigs/cloudwatch-logs.ts';
import { createEcs } from '../aws/rigs/ecs.ts';
import type { ContainerLife } from '../aws/rigs/ecs-task.ts';
import { fargateProvider, fastClock } from '../builders/fargate.ts';
import { type Behaviour, describePodProvider } from './pod-provider.ts';

const lives: Record<Behaviour, ContainerLife> = {
  runs: { onStop: { afterMs: 200, exitCode: 0 } },
  succeeds: { exitAfterMs: 2_000, exitCode: 0 },
  fails: { exitAfterMs: 2_000, exitCode: 3 },
  crashes: { exitAfterMs: 2_000, exitCode: 3 },
  'has no image': { pullError: 'CannotPullContainerError: pull image manifest has been retried 1 time(s): not found' },
};

const group = '/nodeless/test/pods';

describePodProvider('fargate', () => {
  const clock = fastClock(100);
  const logs = createLogs(group);
  const logStore = createCloudWatchLogStore(
    new CloudWatchLogsClient({
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      requestHandler: logs.requestHandler,
    }),
    group,
  );
  const providers = new Set<ReturnType<typeof fargateProvider>>();
  const printed = new Set<string>();
  const ecs = createEcs({
    clock,
    lives: (task, container) => {
      const image = task.containers?.find((c) => c.name === container)?.image ?? '';
      return lives[image.slice('registry.example/'.length).replaceAll('-', ' ') as Behaviour] ?? {};
    },
    onEvent: (detail) => {
      const id = detail.taskArn.split('/').at(-1) ?? '';
      // What the container says when it starts.
      if (detail['lastStatus'] === 'RUNNING' && !printed.has(id)) {
        printed.add(id);
        logs.write(`contract/app/${id}`, { at: clock.now(), text: 'hello' });
      }
      for (const one of providers) one.taskSeen(JSON.parse(JSON.stringify(detail)));
    },
  });
  const begin = (): PodProvider & PodLogs => {
    const provider = fargateProvider(ecs, clock);
    providers.add(provider);
    const pods = new Map<string, ResolvedPod>();
    // The pod reconciler asks again when a pod has changed or its time has come; here nobody else does.
    const timer = setInterval(() => {
      for (const pod of pods.values()) void provider.createPod(pod).catch(() => {});
    }, 20);
    return {
      ...provider,
      ...createPodLogs({ store: logStore, provider, clock }),
      async createPod(pod) {
        pods.set(pod.pod.metadata?.uid ?? '', pod);
        await provider.createPod(pod);
      },
      async updatePod(pod) {
        pods.set(pod.pod.metadata?.uid ?? '', pod);
        await provider.updatePod(pod);
      },
      async deletePod(ref, grace) {
        pods.delete(ref.uid);
        await provider.deletePod(ref, grace);
      },
      async close() {
        clearInterval(timer);
        providers.delete(provider);
        await provider.close();
      },
    };
  };
  const first = begin();
  return Promise.resolve({
    provider: first,
    behave: (behaviour: Behaviour): { container: Partial<Container> } => ({
      container: { image: `registry.example/${behaviour.replaceAll(' ', '-')}` },
    }),
    dispose: () => first.close(),
    async restart() {
      await first.close();
      return begin();
    },
  });
});
