import { describe, expect, it } from 'vitest';
import { ApiError, expired } from '@nodeless/apimachinery/status';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import type { Client, WatchHandler } from '@nodeless/client/client';
import { createInformer } from '@nodeless/client/informer';
import { pods } from '@nodeless/client/resource-types';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';

const pod = (name: string, revision: number, node = '', uid = `uid-${name}`): Pod => ({
  metadata: { name, namespace: 'd', uid, resourceVersion: String(revision) },
  spec: { containers: [], nodeName: node },
});

function setUp(lists: (Pod[] | Error)[]) {
  const clock = createManualClock();
  const watches: { from: string | undefined; handler: WatchHandler<Pod> }[] = [];
  let revision = 100;
  const client = {
    list: () => {
      const next = lists.shift();
      if (next instanceof Error) return Promise.reject(next);
      return Promise.resolve({ items: next ?? [], metadata: { resourceVersion: String(revision++) } });
    },
    watch: (_type: unknown, query: { resourceVersion?: string }, handler: WatchHandler<Pod>) => {
      watches.push({ from: query.resourceVersion, handler });
      return { stop: () => {} };
    },
  } as unknown as Client;
  const informer = createInformer(client, pods, {
    clock,
    random: () => 1,
    indexes: { node: (p) => [p.spec?.nodeName ?? ''] },
  });
  const seen: string[] = [];
  informer.subscribe(({ type, object }) =>
    seen.push(`${type} ${object.metadata?.name}@${object.metadata?.resourceVersion}`),
  );
  return { clock, watches, informer, seen };
}

describe('an informer', () => {
  it('lists, follows and keeps its indexes', async () => {
    const { clock, watches, informer, seen } = setUp([[pod('a', 1, 'n1'), pod('b', 2, 'n2')]]);
    informer.start();
    await clock.advance(0);
    expect(informer.hasSynced()).toBe(true);
    watches[0]?.handler.onEvent({ type: 'MODIFIED', object: pod('a', 101, 'n2') });
    watches[0]?.handler.onEvent({ type: 'DELETED', object: pod('b', 102, 'n2') });
    expect(seen).toEqual(['added a@1', 'added b@2', 'modified a@101', 'deleted b@102']);
    expect(informer.byIndex('node', 'n2').map((p) => p.metadata?.name)).toEqual(['a']);
    expect(informer.byIndex('node', 'n1')).toEqual([]);
    expect(informer.list('d')).toHaveLength(1);
  });

  it('resumes where it was, and from bookmarks', async () => {
    const { clock, watches, informer } = setUp([[pod('a', 1)]]);
    informer.start();
    await clock.advance(0);
    watches[0]?.handler.onEvent({ type: 'BOOKMARK', resourceVersion: '150' });
    watches[0]?.handler.onEnd(undefined);
    await clock.advance(1);
    expect(watches.map((w) => w.from)).toEqual(['100', '150']);
  });

  it('lists again after Expired and tells only the difference', async () => {
    const { clock, watches, informer, seen } = setUp([
      [pod('a', 1), pod('b', 2), pod('c', 3)],
      [pod('a', 1), pod('b', 9), pod('d', 10), pod('c', 11, '', 'another')],
    ]);
    informer.start();
    await clock.advance(0);
    seen.length = 0;
    watches[0]?.handler.onEnd(expired('too old resource version: 1 (2)'));
    await clock.advance(0);
    expect(seen).toEqual(['modified b@9', 'added d@10', 'deleted c@3', 'added c@11']);
    expect(watches).toHaveLength(2);
  });

  it('waits longer after each failure, and nothing comes after stop', async () => {
    const failure = new ApiError({ code: 503, message: 'down' });
    const { clock, informer, watches, seen } = setUp([failure, failure, [pod('a', 1)]]);
    informer.start();
    await clock.advance(799);
    expect(informer.hasSynced()).toBe(false);
    await clock.advance(1 + 1600);
    expect(informer.hasSynced()).toBe(true);
    informer.stop();
    watches[0]?.handler.onEvent({ type: 'ADDED', object: pod('b', 2) });
    expect(seen).toEqual(['added a@1']);
  });
});
