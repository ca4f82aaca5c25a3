/**
 * Informers of the Go, Python and Java clients, side by side at the built bundle, through minutes in which there are fewer places
 * for watches than watches: each is answered 429 now and then, and ended after seconds otherwise. None may miss or reorder what is there in the end.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildGoInformer } from '../builders/go-informer.ts';
import { type InformerCommand, type InformerProcess, startInformer } from '../builders/informer-process.ts';
import { lacking } from '../builders/kubectl.ts';
import { javaInformer, pythonInformer } from '../builders/other-informers.ts';
import { type FunctionCluster, startFunctionCluster, whyNoFunctionCluster } from './function-cluster.ts';

const why = whyNoFunctionCluster() ?? lacking('kubectl');
const namespace = 'informed';
const rounds = 12;

describe.skipIf(why !== undefined)(
  `informers of other clients at the function${why ? ` (skipped: ${why})` : ''}`,
  () => {
    let cluster: FunctionCluster;
    beforeAll(async () => {
      // A watch is held for less than what is left of its function, less 15 s.
      cluster = await startFunctionCluster({ timeoutSeconds: 20 });
      // Two places for three.
      cluster.parameters.values.set(`/nodeless/${cluster.clusterId}/stream-places`, { value: '2', type: 'String' });
      await cluster.kubectl.ok(['create', 'namespace', namespace]);
      await cluster.kubectl.ok(['create', 'configmap', 'first', '-n', namespace, '--from-literal=value=0']);
    }, 60_000);
    afterAll(() => cluster?.stop());

    const listed = async (): Promise<Record<string, string>> => {
      const { items } = JSON.parse(await cluster.kubectl.ok(['get', 'configmaps', '-n', namespace, '-o', 'json'])) as {
        items: { metadata: { name: string; resourceVersion: string } }[];
      };
      return Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    };

    it('see every write in order, and end with what a list shows', async (context) => {
      const commands: Record<string, InformerCommand | { readonly lacking: string }> = {
        go: await buildGoInformer(cluster.folder).then((built) =>
          'lacking' in built ? built : { file: built.path, args: [] },
        ),
        python: pythonInformer(),
        java: javaInformer(),
      };
      for (const command of Object.values(commands)) if ('lacking' in command) context.skip(command.lacking);
      const informers = new Map<string, InformerProcess>();
      try {
        for (const [language, command] of Object.entries(commands))
          informers.set(language, startInformer(command as InformerCommand, cluster.kubeconfig, namespace));
        for (let round = 1; round <= rounds; round++) {
          await cluster.kubectl.ok([
            ...['create', 'configmap', `round-${round}`, '-n', namespace, `--from-literal=value=${round}`],
          ]);
          await cluster.kubectl.ok([
            'patch',
            'configmap',
            'first',
            '-n',
            namespace,
            '-p',
            `{"data":{"value":"${round}"}}`,
          ]);
          if (round % 3 === 0) await cluster.kubectl.ok(['delete', 'configmap', `round-${round}`, '-n', namespace]);
          // Watches are to end and be refused between the writes.
          await delay(1_000);
        }
        const last = await listed();
        for (const [language, informer] of informers) {
          await expect
            .poll(async () => revisionsOf(await informer.cache()), { timeout: 60_000, message: language })
            .toEqual(Object.values(last).map(Number).sort());
          const seen = informer.lines.filter(({ what, name }) => isEvent(what) && name !== undefined);
          const revisions = seen.filter(({ name }) => name === 'first').map(({ rv }) => Number(rv));
          expect(revisions, `${language}: of one object, states in order`).toEqual(
            [...revisions].sort((a, b) => a - b),
          );
          // The Java client lists again after each 429, and tells its handlers of all that is there.
          if (language !== 'java')
            expect(revisions, `${language}: each state at most once`).toEqual([...new Set(revisions)]);
          for (let round = 1; round <= rounds; round++) {
            const made = seen.filter(({ what, name }) => what.startsWith('add') && name === `round-${round}`);
            // What was made and deleted between a list and the next may be unseen, never seen twice.
            expect(made.length, `${language}: round ${round}`).toBeLessThanOrEqual(1);
            if (round % 3 !== 0) expect(made.length, `${language}: round ${round}`).toBe(1);
          }
        }
      } finally {
        for (const informer of informers.values()) await informer.stop();
      }
      expect(cluster.host.figures().peak).toBeGreaterThan(0);
    }, 240_000);
  },
);

const isEvent = (what: string): boolean => /^(?:add|update|delete|added|modified|deleted|lost)$/.test(what);

/** Go's cache is by uid, the others' by name; what all of them say is the revision. */
function revisionsOf(cache: Record<string, string>): number[] {
  return Object.values(cache).map(revisionOf).sort();
}

function revisionOf(value: string): number {
  return Number(/\d{16}/.exec(value)?.[0]);
}
