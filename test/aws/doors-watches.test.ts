/**
 * Watches of real clients at the built bundle: held, ended with a bookmark, and answered 429 while no place is free, as if other
 * functions held them all. What each client makes of a 429 is in docs/adr/0021-adaptive-watches.md.
 */
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildGoInformer, type GoInformer, startGoInformer } from '../builders/go-informer.ts';
import { lacking } from '../builders/kubectl.ts';
import { type FunctionCluster, startFunctionCluster, whyNoFunctionCluster } from './function-cluster.ts';

const why = whyNoFunctionCluster() ?? lacking('kubectl');
const places = 4;

describe.skipIf(why !== undefined)(`watches at the function${why ? ` (skipped: ${why})` : ''}`, () => {
  let cluster: FunctionCluster;
  let database: DynamoDBClient;
  const undo: (() => unknown)[] = [];
  beforeAll(async () => {
    cluster = await startFunctionCluster({ holdsLastWrite: true });
    cluster.parameters.values.set(`/nodeless/${cluster.clusterId}/stream-places`, {
      value: String(places),
      type: 'String',
    });
    database = new DynamoDBClient({
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' },
      endpoint: cluster.environment['AWS_ENDPOINT_URL_DYNAMODB'],
    });
    await cluster.kubectl.ok('create namespace informed');
  }, 60_000);
  afterEach(async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  });
  afterAll(async () => {
    database?.destroy();
    await cluster?.stop();
  });

  /** As if other functions held watches until then. */
  const occupy = async (ms: number): Promise<void> => {
    for (let place = 0; place < places; place++)
      await database.send(
        new PutItemCommand({
          TableName: cluster.environment['NODELESS_TABLE'],
          Item: {
            pk: { S: 'PLACE#streams' },
            sk: { S: String(place).padStart(4, '0') },
            h: { S: 'another' },
            u: { N: String(Date.now() + ms) },
          },
        }),
      );
  };
  /** A client that goes leaves its place taken until the hold is over. */
  const free = (): Promise<void> => occupy(-1);
  const watching = (words: string): { output: () => string; errors: () => string } => {
    const { file, args, env } = cluster.kubectl.command(words);
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    undo.push(() => child.kill());
    return { output: () => output, errors: () => errors };
  };

  it('kubectl get -w sees changes at once, though the last write of a stream is held back', async () => {
    await free();
    const watch = watching('get configmaps -n informed -w -o name');
    // Until the watch is held; nothing that it prints tells.
    await delay(1_500);
    await cluster.kubectl.ok('create configmap seen -n informed --from-literal=value=1');
    await expect.poll(watch.output, { timeout: 3_000 }).toContain('configmap/seen');
    expect(watch.errors()).toBe('');
  });

  it('kubectl wait --for=create and get -w come again after a 429', async () => {
    await occupy(4_000);
    const get = watching('get configmaps -n informed -w -o name');
    const wait = watching('wait --for=create configmap/later -n informed --timeout=40s');
    await delay(1_000);
    await cluster.kubectl.ok('create configmap later -n informed --from-literal=value=1');
    await expect.poll(() => get.output() + get.errors(), { timeout: 20_000 }).toContain('configmap/later');
    await expect
      .poll(() => wait.output() + wait.errors(), { timeout: 20_000 })
      .toContain('configmap/later condition met');
  }, 60_000);

  it('an informer of client-go comes again without listing, and misses nothing', async (context) => {
    const built = await buildGoInformer(cluster.folder);
    if ('lacking' in built) return context.skip(built.lacking);
    await free();
    await cluster.kubectl.ok('create configmap first -n informed --from-literal=value=1');
    const informer: GoInformer = startGoInformer(built.path, cluster.kubeconfig, 'informed');
    undo.push(() => informer.stop());
    const values = async (): Promise<string[]> => Object.keys(await informer.cache());
    await expect.poll(values, { timeout: 10_000 }).toEqual(expect.arrayContaining([expect.stringContaining('first')]));
    const asked = (): number => informer.lines.filter(({ what }) => what === 'list' || what === 'watch').length;
    const before = asked();
    // Its watch is held for 30 s and more; then nothing is free.
    await occupy(60_000);
    await expect.poll(asked, { timeout: 70_000 }).toBeGreaterThan(before);
    await cluster.kubectl.ok('create configmap second -n informed --from-literal=value=2');
    await delay(3_000);
    await free();
    await expect.poll(values, { timeout: 30_000 }).toEqual(expect.arrayContaining([expect.stringContaining('second')]));
    const again = informer.lines.filter(({ what, initial }) => what === 'list' || initial === true);
    expect(again.length).toBeLessThanOrEqual(2);
    expect(informer.lines.filter(({ what, reason }) => what === 'error' && reason === 'Expired')).toEqual([]);
  }, 150_000);

  it('an informer of client-node comes again when its user starts it again', async () => {
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    const api = config.makeApiClient(CoreV1Api);
    let lists = 0;
    const errors: unknown[] = [];
    await occupy(4_000);
    const informer = makeInformer<V1ConfigMap>(config, '/api/v1/namespaces/informed/configmaps', () => {
      lists++;
      return api.listNamespacedConfigMap({ namespace: 'informed' });
    });
    let stopped = false;
    informer.on('error', (error: unknown) => {
      errors.push(error);
      // What its documentation tells users to do.
      void delay(1_000).then(() => (stopped ? undefined : informer.start()));
    });
    undo.push(() => {
      stopped = true;
      return informer.stop();
    });
    await informer.start();
    await expect.poll(() => errors.length, { timeout: 10_000 }).toBeGreaterThan(0);
    await cluster.kubectl.ok('create configmap for-node -n informed --from-literal=value=1');
    await expect
      .poll(() => informer.list().map(({ metadata }) => metadata?.name), { timeout: 20_000 })
      .toContain('for-node');
    expect(lists).toBeGreaterThan(0);
  }, 60_000);
});
