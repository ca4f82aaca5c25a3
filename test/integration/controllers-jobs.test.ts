import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job, JobSpec } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { jobs, pods } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newJob, type NewPod } from '../builders/cluster-objects.ts';
import { lifeByImage, type PodLife } from '../builders/fake-kubelet.ts';

let cluster: Cluster;
let lives: (pod: Pod) => PodLife;
beforeEach(async () => {
  lives = lifeByImage;
  cluster = await createCluster({ life: (pod) => lives(pod) });
});
afterEach(() => cluster.stop());

const tracking = 'batch.kubernetes.io/job-tracking';
const create = (spec: Partial<JobSpec> = {}, pod: NewPod = {}): Promise<Job> =>
  cluster.client.create(jobs, newJob('j', spec, pod));
const job = async (): Promise<Job> => cluster.client.get(jobs, { namespace: 'default', name: 'j' });
const allPods = async (): Promise<readonly Pod[]> => (await cluster.client.list(pods)).items;
const running = async (): Promise<readonly Pod[]> =>
  (await allPods()).filter((pod) => pod.status?.phase === 'Running' && !pod.metadata?.deletionTimestamp);
const ended = (type: 'Complete' | 'Failed', withinMs?: number) =>
  cluster.until(
    type,
    async () => (await job()).status?.conditions?.find((c) => c.type === type && c.status === 'True'),
    withinMs,
  );
const indexOf = (pod: Pod): string | undefined =>
  pod.metadata?.annotations?.['batch.kubernetes.io/job-completion-index'];
const run: NewPod = { image: 'run' };

describe('a job', () => {
  afterEach(() => expect(cluster.logged).toEqual([]));

  it('runs one pod to its end', async () => {
    await create();
    const complete = await ended('Complete');
    expect(complete).toMatchObject({
      reason: 'CompletionsReached',
      message: 'Reached expected number of succeeded pods',
    });
    const { status } = await job();
    expect(status).toMatchObject({ succeeded: 1, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
    expect(status?.active).toBeUndefined();
    expect(status?.completionTime).toBeDefined();
    await cluster.settle();
    const [pod] = await allPods();
    expect(pod?.metadata?.finalizers).toBeUndefined();
    expect(pod?.metadata?.labels).toMatchObject({
      'job-name': 'j',
      'batch.kubernetes.io/job-name': 'j',
      'controller-uid': (await job()).metadata?.uid,
    });
  });

  it('runs as many at once as it may, and as many as it must', async () => {
    let most = 0;
    const watch = cluster.client.watch(
      pods,
      {},
      { onEvent: () => void running().then((now) => (most = Math.max(most, now.length))), onEnd() {} },
    );
    lives = () => ({ exitCode: 0, exitMs: 1_000 });
    await create({ completions: 7, parallelism: 3 });
    await ended('Complete');
    watch.stop();
    expect((await job()).status?.succeeded).toBe(7);
    expect(await allPods()).toHaveLength(7);
    expect(most).toBe(3);
  });

  it('without completions ends when one pod succeeds and the others have ended', async () => {
    await create({ parallelism: 3 }, run);
    await cluster.until('three', async () => (await running()).length === 3);
    const [a, b, c] = (await running()).map((pod) => pod.metadata?.name ?? '');
    await cluster.kubelet.exit('default', a ?? '', 0);
    await cluster.settle(1_000);
    expect((await job()).status).toMatchObject({ succeeded: 1, active: 2 });
    await cluster.kubelet.exit('default', b ?? '', 0);
    await cluster.kubelet.exit('default', c ?? '', 0);
    await ended('Complete');
    expect((await job()).status?.succeeded).toBe(3);
  });

  it('tries again with growing pauses, and gives up at its limit', async () => {
    await create({ backoffLimit: 2 }, { image: 'exit-1' });
    const start = cluster.clock.now();
    const failed = await ended('Failed', 120_000);
    expect(failed).toMatchObject({
      reason: 'BackoffLimitExceeded',
      message: 'Job has reached the specified backoff limit',
    });
    expect((await job()).status).toMatchObject({ failed: 3 });
    // Ten seconds, then twenty.
    expect(cluster.clock.now() - start).toBeGreaterThan(29_000);
    expect(cluster.clock.now() - start).toBeLessThan(40_000);
    expect(await allPods()).toHaveLength(3);
  });

  it('counts restarts in place where pods are restarted', async () => {
    await create({ backoffLimit: 2 }, { ...run, restartPolicy: 'OnFailure' });
    await cluster.until('one', async () => (await running()).length === 1);
    const [pod] = await running();
    await cluster.kubelet.exit('default', pod?.metadata?.name ?? '', 1);
    await cluster.settle();
    expect((await job()).status?.failed).toBeUndefined();
    await cluster.kubelet.exit('default', pod?.metadata?.name ?? '', 1);
    expect(await ended('Failed')).toMatchObject({ reason: 'BackoffLimitExceeded' });
  });

  it('has so much time and no more', async () => {
    await create({ activeDeadlineSeconds: 30, parallelism: 2 }, run);
    await cluster.settle(25_000);
    expect(await running()).toHaveLength(2);
    expect(await ended('Failed', 10_000)).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Job was active longer than specified deadline',
    });
    await cluster.until('no pod runs', async () => (await running()).length === 0);
    expect((await job()).status?.active).toBeUndefined();
  });

  it('runs each index to its end', async () => {
    await create({ completions: 4, parallelism: 2, completionMode: 'Indexed' });
    await ended('Complete');
    expect((await job()).status).toMatchObject({ succeeded: 4, completedIndexes: '0-3' });
    const all = await allPods();
    expect(all.map(indexOf).toSorted()).toEqual(['0', '1', '2', '3']);
    const [first] = all.filter((pod) => indexOf(pod) === '0');
    expect(first?.metadata?.name).toMatch(/^j-0-[a-z0-9]{5}$/);
    expect(first?.spec?.hostname).toBe('j-0');
    expect(first?.metadata?.labels?.['batch.kubernetes.io/job-completion-index']).toBe('0');
    expect(first?.spec?.containers[0]?.env).toEqual([
      {
        name: 'JOB_COMPLETION_INDEX',
        valueFrom: {
          fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" },
        },
      },
    ]);
  });

  it('lets indexes fail by themselves', async () => {
    lives = (pod) => ({ exitCode: Number(indexOf(pod)) % 2 });
    await create({ completions: 4, parallelism: 4, completionMode: 'Indexed', backoffLimitPerIndex: 1 });
    expect(await ended('Failed', 120_000)).toMatchObject({
      reason: 'FailedIndexes',
      message: 'Job has failed indexes',
    });
    expect((await job()).status).toMatchObject({
      succeeded: 2,
      failed: 4,
      completedIndexes: '0,2',
      failedIndexes: '1,3',
    });
  });

  it('fails when too many indexes have failed', async () => {
    lives = (pod) => (indexOf(pod) === '0' ? {} : { exitCode: 1 });
    await create({
      completions: 4,
      parallelism: 4,
      completionMode: 'Indexed',
      backoffLimitPerIndex: 0,
      maxFailedIndexes: 1,
    });
    expect(await ended('Failed', 120_000)).toMatchObject({
      reason: 'MaxFailedIndexesExceeded',
      message: 'Job has exceeded the specified maximal number of failed indexes',
    });
    await cluster.until('no pod runs', async () => (await running()).length === 0);
  });

  it('is done early where its success policy says so', async () => {
    lives = (pod) => (Number(indexOf(pod)) < 2 ? { exitCode: 0 } : {});
    await create({
      completions: 5,
      parallelism: 5,
      completionMode: 'Indexed',
      successPolicy: { rules: [{ succeededIndexes: '0-3', succeededCount: 2 }] },
    });
    expect(await ended('Complete')).toMatchObject({ reason: 'SuccessPolicy', message: 'Matched rules at index 0' });
    expect((await job()).status).toMatchObject({ succeeded: 2, completedIndexes: '0,1' });
    await cluster.until('no pod runs', async () => (await running()).length === 0);
  });

  it.each([
    { action: 'FailJob', code: 42 },
    { action: 'Ignore', code: 43 },
  ])('with a failure policy that says $action', async ({ action, code }) => {
    let first = true;
    lives = () => {
      const exitCode = first ? code : 0;
      first = false;
      return { exitCode };
    };
    await create({
      backoffLimit: 0,
      podFailurePolicy: {
        rules: [{ action, onExitCodes: { operator: 'In', values: [code] }, onPodConditions: undefined as never }],
      },
    });
    if (action === 'Ignore') {
      await ended('Complete');
      expect((await job()).status).toMatchObject({ succeeded: 1 });
      expect((await job()).status?.failed).toBeUndefined();
    } else {
      const failed = await ended('Failed');
      expect(failed.reason).toBe('PodFailurePolicy');
      expect(failed.message).toMatch(
        /^Container c for pod default\/j-[a-z0-9]{5} failed with exit code 42 matching FailJob rule at index 0$/,
      );
    }
  });

  it('is suspended and goes on', async () => {
    await create({ parallelism: 2, completions: 2 }, run);
    await cluster.until('two', async () => (await running()).length === 2);
    const started = (await job()).status?.startTime;
    await cluster.settle(2_000);
    await cluster.edit(jobs, 'j', (j) => j.spec && (j.spec.suspend = true));
    await cluster.until('none', async () => (await allPods()).length === 0);
    await cluster.until('suspended', async () =>
      (await job()).status?.conditions?.some((c) => c.type === 'Suspended' && c.status === 'True'),
    );
    expect((await job()).status?.startTime).toBeUndefined();
    await cluster.settle(60_000);
    expect(await allPods()).toEqual([]);
    await cluster.edit(jobs, 'j', (j) => j.spec && (j.spec.suspend = false));
    await cluster.until('two', async () => (await running()).length === 2);
    expect((await job()).status?.startTime).not.toBe(started);
    for (const pod of await running()) await cluster.kubelet.exit('default', pod.metadata?.name ?? '', 0);
    await ended('Complete');
  });

  it('waits for pods to have ended before it replaces them, if it is told to', async () => {
    lives = () => ({ stopMs: 20_000 });
    await create({ podReplacementPolicy: 'Failed' }, { image: 'x' });
    await cluster.until('one', async () => (await running()).length === 1);
    const [pod] = await running();
    await cluster.client.delete(pods, { namespace: 'default', name: pod?.metadata?.name ?? '' });
    await cluster.settle(10_000);
    expect(await allPods()).toHaveLength(1);
    expect((await job()).status).toMatchObject({ terminating: 1 });
    await cluster.until('replaced', async () => (await running()).length === 1, 60_000);
  });

  it('takes more pods, and gives some back, when its parallelism changes', async () => {
    await create({ parallelism: 1, completions: 10 }, run);
    await cluster.until('one', async () => (await running()).length === 1);
    await cluster.edit(jobs, 'j', (j) => j.spec && (j.spec.parallelism = 4));
    await cluster.until('four', async () => (await running()).length === 4);
    await cluster.edit(jobs, 'j', (j) => j.spec && (j.spec.parallelism = 2));
    await cluster.until('two', async () => (await allPods()).length === 2);
  });

  it('goes with its pods, whose finalizers do not hold it back', async () => {
    await create({ parallelism: 2 }, run);
    await cluster.until('two', async () => (await running()).length === 2);
    expect((await allPods()).every((pod) => pod.metadata?.finalizers?.includes(tracking))).toBe(true);
    await cluster.client.delete(jobs, { namespace: 'default', name: 'j' }, { propagationPolicy: 'Background' });
    await cluster.until('all gone', async () => (await allPods()).length === 0);
  });

  it('lets its pods live on when it is asked to', async () => {
    await create({ parallelism: 2 }, run);
    await cluster.until('two', async () => (await running()).length === 2);
    await cluster.client.delete(jobs, { namespace: 'default', name: 'j' }, { propagationPolicy: 'Orphan' });
    await cluster.until('gone', async () => !(await cluster.find(jobs, 'j')));
    await cluster.until('free', async () =>
      (await allPods()).every(
        (pod) => pod.metadata?.finalizers === undefined && pod.metadata?.ownerReferences === undefined,
      ),
    );
    expect(await running()).toHaveLength(2);
  });

  it('adopts what matches and releases what does not any more', async () => {
    await create({ parallelism: 2 }, run);
    await cluster.until('two', async () => (await running()).length === 2);
    const name = (await running())[0]?.metadata?.name ?? '';
    await cluster.edit(pods, name, (pod) => delete pod.metadata?.ownerReferences);
    await cluster.until(
      'adopted',
      async () => (await cluster.find(pods, name))?.metadata?.ownerReferences?.[0]?.name === 'j',
    );
    expect((await cluster.find(pods, name))?.metadata?.finalizers).toEqual([tracking]);
    await cluster.edit(pods, name, (pod) => (pod.metadata = { ...pod.metadata, labels: {} }));
    await cluster.until(
      'released',
      async () => (await cluster.find(pods, name))?.metadata?.ownerReferences === undefined,
    );
    await cluster.until('free', async () => (await cluster.find(pods, name))?.metadata?.finalizers === undefined);
    await cluster.until('replaced', async () => (await running()).length === 3);
  });

  it('goes by itself some time after its end', async () => {
    await create({ ttlSecondsAfterFinished: 30 });
    await ended('Complete');
    await cluster.settle(25_000);
    expect(await cluster.find(jobs, 'j')).toBeDefined();
    await cluster.until('gone', async () => !(await cluster.find(jobs, 'j')), 10_000);
    expect(await allPods()).toEqual([]);
  });
});
