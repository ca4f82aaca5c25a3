import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CronJob, CronJobSpec, Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import { cronJobs, events, jobs, pods } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { podTemplate } from '../builders/cluster-objects.ts';

const minute = 60_000;
let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster();
});
afterEach(async () => {
  expect(cluster.logged).toEqual([]);
  await cluster.stop();
});

const create = (spec: Partial<CronJobSpec> = {}, image = 'exit-0'): Promise<CronJob> =>
  cluster.client.create(cronJobs, {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { namespace: 'default', name: 'c' },
    spec: {
      schedule: '*/5 * * * *',
      jobTemplate: {
        metadata: { labels: { from: 'cron' }, annotations: { note: 'x' } },
        spec: { template: podTemplate({ image, restartPolicy: 'Never' }) },
      },
      ...spec,
    },
  });
const cron = () => cluster.client.get(cronJobs, { namespace: 'default', name: 'c' });
const all = async (): Promise<readonly Job[]> => (await cluster.client.list(jobs)).items;
const names = async (): Promise<string> =>
  (await all())
    .map((job) => job.metadata?.name)
    .toSorted()
    .join();
const said = async (reason: string): Promise<(string | undefined)[]> =>
  (await cluster.client.list(events)).items.filter((e) => e.reason === reason).map((e) => e.message);
const numberOf = (ms: number): number => Math.floor(ms / minute);

describe('a cron job', () => {
  it('starts a job at each of its times', async () => {
    const begin = cluster.clock.now(); // midnight
    await create();
    await cluster.settle(4 * minute);
    expect(await all()).toEqual([]);
    await cluster.until('first', async () => (await all()).length === 1, 2 * minute);
    const [job] = await all();
    expect(job?.metadata).toMatchObject({
      name: `c-${numberOf(begin) + 5}`,
      labels: { from: 'cron' },
      annotations: { note: 'x', 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2030-01-01T00:05:00Z' },
      ownerReferences: [{ kind: 'CronJob', name: 'c', controller: true }],
    });
    await cluster.until('done', async () => (await cron()).status?.lastSuccessfulTime);
    expect((await cron()).status).toMatchObject({
      lastScheduleTime: '2030-01-01T00:05:00Z',
      lastSuccessfulTime: expect.any(String) as string,
    });
    expect((await cron()).status?.active).toBeUndefined();
    await cluster.until('second', async () => (await all()).length === 2, 6 * minute);
    expect((await said('SuccessfulCreate')).filter((m) => m?.startsWith('Created job'))).toEqual([
      `Created job c-${numberOf(begin) + 5}`,
      `Created job c-${numberOf(begin) + 10}`,
    ]);
    await cluster.settle();
    expect((await said('SawCompletedJob')).at(0)).toBe(
      `Saw completed job: c-${numberOf(begin) + 5}, condition: Complete`,
    );
  });

  it('goes by the clock of its zone', async () => {
    await create({ schedule: '30 9 * * *', timeZone: 'Asia/Kolkata' }); // 4:00 UTC
    await cluster.settle(3 * 60 * minute + 59 * minute);
    expect(await all()).toEqual([]);
    await cluster.until('started', async () => (await all()).length === 1, 2 * minute);
    expect((await all())[0]?.metadata?.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp']).toBe(
      '2030-01-01T09:30:00+05:30',
    );
  });

  it.each([
    { policy: 'Allow', want: 3 },
    { policy: 'Forbid', want: 1 },
    { policy: 'Replace', want: 1 },
  ])('with $policy handles starts while jobs still run', async ({ policy, want }) => {
    await create({ concurrencyPolicy: policy }, 'run');
    await cluster.settle(15 * minute + 1_000);
    await cluster.settle();
    expect((await all()).filter((job) => !job.metadata?.deletionTimestamp)).toHaveLength(want);
    expect((await cron()).status?.active).toHaveLength(want);
    const [only] = (await all()).filter((job) => !job.metadata?.deletionTimestamp);
    if (policy === 'Forbid') {
      expect(only?.metadata?.name).toMatch(/05$|5$/);
      expect(await said('JobAlreadyActive')).toContain(
        'Not starting job because prior execution is running and concurrency policy is Forbid',
      );
      const [pod] = (await cluster.client.list(pods)).items;
      await cluster.kubelet.exit('default', pod?.metadata?.name ?? '', 0);
      // The start that was forbidden is made up for.
      await cluster.until('the next', async () => (await all()).length === 2, minute);
    }
    if (policy === 'Replace')
      expect(only?.metadata?.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp']).toBe(
        '2030-01-01T00:15:00Z',
      );
  });

  it('starts nothing while it is suspended', async () => {
    await create({ suspend: true });
    await cluster.settle(20 * minute);
    expect(await all()).toEqual([]);
    await cluster.edit(cronJobs, 'c', (c) => c.spec && (c.spec.suspend = false));
    // The latest of those that were missed, once.
    await cluster.until('one', async () => (await all()).length === 1);
    expect((await all())[0]?.metadata?.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp']).toBe(
      '2030-01-01T00:20:00Z',
    );
  });

  it('gives up starts that are too late', async () => {
    await create({ schedule: '0 * * * *', startingDeadlineSeconds: 200, suspend: true });
    await cluster.settle(70 * minute);
    await cluster.edit(cronJobs, 'c', (c) => c.spec && (c.spec.suspend = false));
    await cluster.settle(10 * minute);
    expect(await all()).toEqual([]);
    await cluster.until('the next', async () => (await all()).length === 1, 60 * minute);
  });

  it('says so when it has missed very many', async () => {
    await create({ schedule: '* * * * *', suspend: true });
    await cluster.settle(200 * minute);
    await cluster.edit(cronJobs, 'c', (c) => c.spec && (c.spec.suspend = false));
    await cluster.until('one', async () => (await all()).length === 1);
    await cluster.settle();
    expect(await said('TooManyMissedTimes')).toEqual([
      'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
    ]);
  });

  it('keeps as many ended jobs as it is asked to', async () => {
    await create({ successfulJobsHistoryLimit: 2 });
    await cluster.settle(31 * minute);
    expect((await all()).length).toBe(2);
    const kept = await names();
    await cluster.edit(cronJobs, 'c', (c) => c.spec && (c.spec.successfulJobsHistoryLimit = 0));
    await cluster.until('none', async () => (await all()).length === 0);
    expect(await said('SuccessfulDelete')).toContain(`Deleted job ${kept.split(',')[1]}`);
  });

  it('goes with its jobs and their pods', async () => {
    await create({}, 'run');
    await cluster.until('started', async () => (await all()).length === 1, 6 * minute);
    await cluster.client.delete(cronJobs, { namespace: 'default', name: 'c' }, { propagationPolicy: 'Foreground' });
    await cluster.until(
      'all gone',
      async () =>
        (await all()).length === 0 &&
        (await cluster.client.list(pods)).items.length === 0 &&
        !(await cluster.find(cronJobs, 'c')),
    );
  });
});
