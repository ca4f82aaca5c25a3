import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Deployment, ReplicaSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPodReady } from '@nodeless/apimachinery/pod-conditions';
import { deployments, events, pods, replicaSets } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newDeployment, type NewPod } from '../builders/cluster-objects.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster();
});
afterEach(() => cluster.stop());

const web = async (): Promise<Deployment> => cluster.client.get(deployments, { namespace: 'default', name: 'web' });
const create = (spec: Partial<NonNullable<Deployment['spec']>> = {}, pod: NewPod = {}): Promise<Deployment> =>
  cluster.client.create(deployments, newDeployment('web', spec, pod));
/** Writes the spec that `change` makes of the current one. */
const edit = async (change: (spec: NonNullable<Deployment['spec']>) => void): Promise<void> => {
  await cluster.edit(deployments, 'web', ({ spec }) => spec && change(spec));
};
const setImage = (image: string): Promise<void> =>
  edit((spec) => {
    for (const container of spec.template.spec?.containers ?? []) container.image = image;
  });
/** What `kubectl rollout status` waits for. */
const complete = (d: Deployment): boolean =>
  (d.status?.observedGeneration ?? 0) >= (d.metadata?.generation ?? 0) &&
  (d.status?.updatedReplicas ?? 0) === d.spec?.replicas &&
  (d.status?.replicas ?? 0) === d.spec?.replicas &&
  (d.status?.availableReplicas ?? 0) === d.spec?.replicas;
const rolledOut = (): Promise<true> => cluster.until('rollout', async () => complete(await web()));
const sets = async (): Promise<readonly ReplicaSet[]> =>
  (await cluster.client.list(replicaSets)).items.toSorted((a, b) => Number(revision(a)) - Number(revision(b)));
const revision = (object: { metadata?: { annotations?: Record<string, string> } }): string | undefined =>
  object.metadata?.annotations?.['deployment.kubernetes.io/revision'];
const progressing = async (): Promise<string | undefined> =>
  (await web()).status?.conditions?.find((c) => c.type === 'Progressing')?.reason;
const reasons = async (reason: string): Promise<string[]> =>
  (await cluster.client.list(events)).items.filter((e) => e.reason === reason).map((e) => e.message ?? '');

describe('deployments', () => {
  it('roll out', async () => {
    await create();
    await rolledOut();
    const d = await web();
    expect(d.status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
    });
    expect(d.status?.unavailableReplicas).toBeUndefined();
    expect(d.status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`).toSorted()).toEqual([
      'Available True MinimumReplicasAvailable',
      'Progressing True NewReplicaSetAvailable',
    ]);
    expect(revision(d)).toBe('1');
    const [rs] = await sets();
    expect(rs?.metadata?.labels).toEqual({ app: 'web', 'pod-template-hash': rs?.metadata?.name?.slice('web-'.length) });
    expect(rs?.metadata?.annotations).toMatchObject({
      'deployment.kubernetes.io/desired-replicas': '3',
      'deployment.kubernetes.io/max-replicas': '4',
    });
    expect(await reasons('ScalingReplicaSet')).toEqual([`Scaled up replica set ${rs?.metadata?.name} from 0 to 3`]);
    expect(cluster.logged).toEqual([]);
    expect(d.metadata?.generation).toBe(1);
  });

  it('come to rest: nothing is written when nothing changes', async () => {
    await create();
    await rolledOut();
    await cluster.settle(5_000);
    const states = async (): Promise<(string | undefined)[]> =>
      [await web(), ...(await sets()), ...(await cluster.client.list(pods)).items].map(
        (o) => o.metadata?.resourceVersion,
      );
    const before = await states();
    await cluster.settle(700_000);
    expect(await states()).toEqual(before);
  });

  it('replace their pods a few at a time', async () => {
    await create({ replicas: 10, minReadySeconds: 2 });
    await rolledOut();
    let most = 0;
    let fewest = Infinity;
    const seen = new Map<string, Pod>();
    const look = (): void => {
      const live = [...seen.values()].filter((pod) => !pod.metadata?.deletionTimestamp);
      most = Math.max(most, live.length);
      fewest = Math.min(fewest, live.filter((pod) => isPodReady(pod)).length);
    };
    for (const pod of (await cluster.client.list(pods)).items) seen.set(pod.metadata?.uid ?? '', pod);
    const watch = cluster.client.watch(
      pods,
      {},
      {
        onEvent(event) {
          if (event.type === 'BOOKMARK') return;
          if (event.type === 'DELETED') seen.delete(event.object.metadata?.uid ?? '');
          else seen.set(event.object.metadata?.uid ?? '', event.object);
          look();
        },
        onEnd() {},
      },
    );
    await setImage('two');
    await rolledOut();
    watch.stop();
    expect(most).toBe(13); // 25% of 10, rounded up
    expect(fewest).toBe(8); // 25% of 10, rounded down
    expect((await sets()).map((rs) => [revision(rs), rs.spec?.replicas])).toEqual([
      ['1', 0],
      ['2', 10],
    ]);
    expect(revision(await web())).toBe('2');
  });

  it('go back to an old template under a new revision', async () => {
    await create();
    await rolledOut();
    const [first] = await sets();
    await setImage('two');
    await rolledOut();
    await setImage('run');
    await rolledOut();
    const [second, again] = await sets();
    expect(again?.metadata?.name).toBe(first?.metadata?.name);
    expect([revision(second ?? {}), revision(again ?? {})]).toEqual(['2', '3']);
    expect(again?.metadata?.annotations?.['deployment.kubernetes.io/revision-history']).toBe('1');
    expect((await sets()).map((rs) => rs.spec?.replicas)).toEqual([0, 3]);
    expect(revision(await web())).toBe('3');
  });

  it('do nothing while paused, but scale', async () => {
    await create();
    await rolledOut();
    await edit((spec) => (spec.paused = true));
    await setImage('two');
    await cluster.settle(1_000);
    expect(await sets()).toHaveLength(1);
    expect(await progressing()).toBe('DeploymentPaused');
    await edit((spec) => (spec.replicas = 5));
    await cluster.until('scaled', async () => (await web()).status?.availableReplicas === 5);
    expect(await sets()).toHaveLength(1);
    await edit((spec) => delete spec.paused);
    await rolledOut();
    expect(await progressing()).toBe('NewReplicaSetAvailable');
    expect((await sets()).map((rs) => rs.spec?.replicas)).toEqual([0, 5]);
  });

  it('with Recreate stop all old pods before the first new one', async () => {
    await cluster.stop();
    cluster = await createCluster({ life: () => ({ stopMs: 5_000 }) });
    await create({ strategy: { type: 'Recreate' } });
    await rolledOut();
    const versions = new Set<string>();
    let mixed = false;
    const live = new Map((await cluster.client.list(pods)).items.map((pod) => [pod.metadata?.uid, pod]));
    const watch = cluster.client.watch(
      pods,
      {},
      {
        onEvent(event) {
          if (event.type === 'BOOKMARK') return;
          if (event.type === 'DELETED') live.delete(event.object.metadata?.uid);
          else live.set(event.object.metadata?.uid, event.object);
          mixed ||= new Set([...live.values()].map((pod) => pod.spec?.containers[0]?.image)).size > 1;
          versions.add(event.object.spec?.containers[0]?.image ?? '');
        },
        onEnd() {},
      },
    );
    await setImage('two');
    await rolledOut();
    watch.stop();
    expect([...versions].toSorted()).toEqual(['run', 'two']);
    expect(mixed).toBe(false);
  });

  it('share a scale between the versions of an unfinished rollout', async () => {
    await create({
      replicas: 10,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
    });
    await rolledOut();
    await setImage('unready');
    await cluster.until('stuck', async () => (await sets()).map((rs) => rs.spec?.replicas).join() === '8,5');
    await edit((spec) => (spec.replicas = 30));
    await cluster.until(
      'shared',
      async () => (await sets()).reduce((sum, rs) => sum + (rs.spec?.replicas ?? 0), 0) === 33,
    );
    // The conformance suite's "should support proportional scaling": 20 and 13.
    expect((await sets()).map((rs) => rs.spec?.replicas)).toEqual([20, 13]);
  });

  it('keep no more old ReplicaSets than they are asked to', async () => {
    await create({ revisionHistoryLimit: 1, replicas: 1 });
    await rolledOut();
    for (const image of ['two', 'three', 'four']) {
      await setImage(image);
      await rolledOut();
    }
    await cluster.until('cleaned up', async () => (await sets()).length === 2);
    expect((await sets()).map(revision)).toEqual(['3', '4']);
    await edit((spec) => (spec.revisionHistoryLimit = 0));
    await cluster.until('cleaned up', async () => (await sets()).length === 1);
  });

  it('say so when they make no progress, and recover', async () => {
    await create({ progressDeadlineSeconds: 30 }, { image: 'unready' });
    await cluster.until('deadline', async () => (await progressing()) === 'ProgressDeadlineExceeded', 120_000);
    const condition = (await web()).status?.conditions?.find((c) => c.type === 'Progressing');
    const [rs] = await sets();
    expect(condition).toMatchObject({
      status: 'False',
      message: `ReplicaSet "${rs?.metadata?.name}" has timed out progressing.`,
    });
    expect((await web()).status).toMatchObject({ replicas: 3, unavailableReplicas: 3 });
    await setImage('run');
    await rolledOut();
    expect(await progressing()).toBe('NewReplicaSetAvailable');
  });

  it('count pods as available only after minReadySeconds', async () => {
    await create({ minReadySeconds: 10 });
    await cluster.until('ready', async () => (await web()).status?.readyReplicas === 3);
    await cluster.settle(5_000);
    expect((await web()).status?.availableReplicas).toBeUndefined();
    await cluster.until('available', async () => (await web()).status?.availableReplicas === 3, 10_000);
    expect((await sets())[0]?.spec?.minReadySeconds).toBe(10);
  });

  it('replace pods that are deleted or end', async () => {
    await create();
    await rolledOut();
    const [one, two] = (await cluster.client.list(pods)).items;
    await cluster.client.delete(pods, { namespace: 'default', name: one?.metadata?.name ?? '' });
    await rolledOut();
    await cluster.kubelet.exit('default', two?.metadata?.name ?? '', 1);
    await cluster.settle(1_000);
    const names = (await cluster.client.list(pods)).items.map((pod) => pod.metadata?.name);
    expect(names).toHaveLength(3);
    expect(names).not.toContain(one?.metadata?.name);
    expect(names).toContain(two?.metadata?.name); // restarted in place
  });

  it('adopt a ReplicaSet that matches, by its template', async () => {
    await create();
    await rolledOut();
    const [rs] = await sets();
    await cluster.client.delete(deployments, { namespace: 'default', name: 'web' }, { propagationPolicy: 'Orphan' });
    await cluster.until('gone', async () => !(await cluster.find(deployments, 'web')));
    expect((await sets())[0]?.metadata?.ownerReferences).toBeUndefined();
    await create();
    await rolledOut();
    expect((await sets()).map((one) => one.metadata?.uid)).toEqual([rs?.metadata?.uid]);
    expect((await sets())[0]?.metadata?.ownerReferences?.[0]?.uid).toBe((await web()).metadata?.uid);
  });

  it('tell what keeps their ReplicaSet from making pods', async () => {
    await cluster.client.create(
      { group: '', version: 'v1', resource: 'resourcequotas', kind: 'ResourceQuota', namespaced: true },
      {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { namespace: 'default', name: 'q' },
        spec: { hard: { pods: '1' } },
      } as never,
    );
    await cluster.settle();
    await create();
    const failure = await cluster.until('failure', async () =>
      (await web()).status?.conditions?.find((c) => c.type === 'ReplicaFailure'),
    );
    expect(failure).toMatchObject({ status: 'True', reason: 'FailedCreate' });
    expect(failure.message).toMatch(
      /^pods "web-[a-z0-9]+-[a-z0-9]{5}" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1$/,
    );
    await cluster.client.delete(
      { group: '', version: 'v1', resource: 'resourcequotas', kind: 'ResourceQuota', namespaced: true },
      { namespace: 'default', name: 'q' },
    );
    await rolledOut();
    expect((await web()).status?.conditions?.some((c) => c.type === 'ReplicaFailure')).toBe(false);
  });
});
