/**
 * The zips as they are deployed, in the streaming host, under real clients for a while: kubectl writes, a client-go informer watches, helm
 * upgrades a release. 15 seconds by default; NODELESS_SOAK_MINUTES=15 is what a release is tried with.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildGoInformer, startGoInformer } from '../builders/go-informer.ts';
import { createKubectl, findTool, type Kubectl, lacking, runTool } from '../builders/kubectl.ts';
import { type FunctionCluster, startFunctionCluster, whyNoFunctionCluster } from './function-cluster.ts';

const why = whyNoFunctionCluster() ?? lacking('kubectl') ?? lacking('helm');
const soakMs = Number(process.env['NODELESS_SOAK_MINUTES'] ?? 0.25) * 60_000;

describe.skipIf(why !== undefined)(`the deployed zips for a while${why ? ` (skipped: ${why})` : ''}`, () => {
  let cluster: FunctionCluster;
  let kubectl: Kubectl;
  beforeAll(async () => {
    cluster = await startFunctionCluster({ holdsLastWrite: true });
    // Tokens last for fifteen minutes.
    kubectl = createKubectl(cluster.execKubeconfig, join(cluster.folder, 'kubectl'));
    await kubectl.ok('create namespace soak');
  }, 60_000);
  afterAll(() => cluster?.stop());

  const write = async (until: number): Promise<number> => {
    let writes = 0;
    for (let round = 0; Date.now() < until; round++) {
      const name = `map-${round % 7}`;
      const manifest = JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'soak' },
        data: { value: String(round) },
      });
      await kubectl.apply(manifest, '--server-side');
      writes++;
      if (round % 5 === 4) {
        await kubectl.ok(`delete configmap ${name} -n soak --wait=false`);
        writes++;
      }
      await delay(1_000);
    }
    return writes;
  };
  const release = async (until: number): Promise<number> => {
    let revisions = 0;
    const helm = async (words: string): Promise<void> => {
      const { code, stdout, stderr } = await runTool(findTool('helm') as string, words.split(' '), {
        cwd: cluster.folder,
        env: {
          KUBECONFIG: cluster.execKubeconfig,
          HELM_CACHE_HOME: join(cluster.folder, 'cache'),
          HELM_CONFIG_HOME: join(cluster.folder, 'config'),
          HELM_DATA_HOME: join(cluster.folder, 'data'),
        },
      });
      if (code !== 0) throw new Error(`helm ${words}: ${stdout}${stderr}`);
    };
    await helm('create demo');
    while (Date.now() < until) {
      await helm(`upgrade --install demo ./demo -n soak --set replicaCount=${(revisions % 3) + 1}`);
      revisions++;
      await delay(7_000);
    }
    return revisions;
  };

  it(
    'serve kubectl, helm and a client-go informer',
    async (context) => {
      const built = await buildGoInformer(cluster.folder);
      if ('lacking' in built) return context.skip(built.lacking);
      const informer = startGoInformer(built.path, cluster.execKubeconfig, 'soak');
      const until = Date.now() + soakMs;
      const [writes, revisions] = await Promise.all([write(until), release(until)]);
      expect(writes).toBeGreaterThan(5);
      expect(revisions).toBeGreaterThan(1);
      const items = JSON.parse(await kubectl.ok('get configmaps -n soak -o json')) as {
        items: { metadata: { name: string; resourceVersion: string } }[];
      };
      const names = items.items.map(({ metadata }) => metadata.name).sort();
      const seen = async (): Promise<string[]> =>
        Object.keys(await informer.cache())
          .map((key) => key.split('/').at(-1) as string)
          .sort();
      await expect.poll(seen, { timeout: 70_000, interval: 500 }).toEqual(names);
      const again = informer.lines.filter(({ what, initial }) => what === 'list' || initial === true);
      expect(again.length).toBeLessThanOrEqual(2);
      await informer.stop();
      process.stdout.write(`${JSON.stringify({ writes, revisions, ...cluster.host.figures() })}\n`);
      expect(cluster.host.log()).not.toMatch(/"level":"error"|FunctionError/);
    },
    soakMs + 120_000,
  );
});
