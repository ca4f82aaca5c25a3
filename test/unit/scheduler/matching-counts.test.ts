import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matcherOf } from '@nodeless/apimachinery/labels';
import { createSchedulerCache } from '@nodeless/scheduler/cache';
import { countOn, type PodSet } from '@nodeless/scheduler/matching-counts';
import { aNode, aPod } from '../../builders/objects.ts';

const names = ['a', 'b', 'c'];
const sets: PodSet[] = names.map((app) => ({
  namespace: 'default',
  matches: matcherOf({ matchLabels: { app } }),
  key: app,
}));
/** What happens to one of six pods: it comes to a node, is relabelled, is being deleted, goes. */
const step = fc.record({
  pod: fc.nat(5),
  what: fc.constantFrom('place', 'delete', 'remove', 'count'),
  node: fc.constantFrom(...names),
  app: fc.constantFrom(...names),
  namespace: fc.constantFrom('default', 'other'),
});

describe('counts of matching pods', () => {
  it('are what counting gives, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const cache = createSchedulerCache();
        for (const name of names) cache.setNode(aNode(name));
        for (const { pod, what, node, app, namespace } of steps) {
          const uid = `uid-p${pod}`;
          if (what === 'remove') cache.removePod(uid);
          if (what === 'place' || what === 'delete') {
            const deletionTimestamp = what === 'delete' ? '2030-01-01T00:00:00Z' : undefined;
            const metadata = { namespace, uid, labels: { app }, ...(deletionTimestamp && { deletionTimestamp }) };
            cache.setPod(aPod(`p${pod}`, { metadata, spec: { nodeName: node } }));
          }
          if (what === 'count') for (const one of cache.nodes) for (const set of sets) cache.countMatching(one, set);
        }
        for (const one of cache.nodes)
          for (const set of sets) expect(cache.countMatching(one, set)).toBe(countOn(one, set));
      }),
    );
  });
});
