/**
 * The same load against any Kubernetes API server, and a table of what came of it. With --against a second server is measured
 * in the same run, so that only the ratio has to be believed:
 *
 *   node bench/api.ts --url https://127.0.0.1:6443 --token-file .nodeless/pki/token [--against URL --against-token-file FILE] [--seconds 5]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Connection, open, type Target } from './connection.ts';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    'token-file': { type: 'string' },
    against: { type: 'string' },
    'against-token-file': { type: 'string' },
    seconds: { type: 'string', default: '5' },
    replicas: { type: 'string', default: '500' },
  },
});

interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Whether more is better. */
  readonly more: boolean;
}

const namespace = `bench-${Date.now().toString(36)}`;
const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
const configMap = (name: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, labels: { bench: 'yes' } },
    data: { value: 'x'.repeat(100) },
  });

async function withConnections<T>(
  target: Target,
  count: number,
  run: (connections: Connection[]) => Promise<T>,
): Promise<T> {
  const connections = await Promise.all(Array.from({ length: count }, () => open(target)));
  try {
    return await run(connections);
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** Operations a second and delays in ms of `operation`, called over and over by each connection. */
async function load(
  target: Target,
  clients: number,
  seconds: number,
  operation: (connection: Connection, index: number) => Promise<void>,
): Promise<{ perSecond: number; delays: number[] }> {
  return withConnections(target, clients, async (connections) => {
    const delays: number[] = [];
    let sequence = 0;
    let measuring = false;
    let over = false;
    const loops = connections.map(async (connection) => {
      while (!over) {
        const began = performance.now();
        await operation(connection, sequence++);
        if (measuring) delays.push(performance.now() - began);
      }
    });
    await wait(1_000);
    measuring = true;
    const began = performance.now();
    await wait(seconds * 1_000);
    over = true;
    const took = (performance.now() - began) / 1_000;
    const counted = delays.length;
    await Promise.all(loops);
    return { perSecond: counted / took, delays: delays.slice(0, counted) };
  });
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const quantile = (delays: readonly number[], q: number): number =>
  delays.toSorted((a, b) => a - b)[Math.min(delays.length - 1, Math.floor(delays.length * q))] ?? NaN;

async function must(answer: Promise<{ status: number; body: string }>): Promise<string> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`${status}: ${body.slice(0, 300)}`);
  return body;
}

async function measure(target: Target, seconds: number, replicas: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  const add = (what: string, value: number, unit: string, more: boolean): void =>
    void figures.push({ what, value, unit, more });
  const admin = await open(target);
  await must(admin.request('POST', '/api/v1/namespaces', JSON.stringify({ metadata: { name: namespace } })));

  for (const clients of [1, 16, 64]) {
    const { perSecond, delays } = await load(
      target,
      clients,
      seconds,
      async (connection, i) => void (await must(connection.request('POST', configMaps, configMap(`c${clients}-${i}`)))),
    );
    add(`creates, ${clients} clients`, perSecond, '/s', true);
    add(`creates, ${clients} clients, p99`, quantile(delays, 0.99), 'ms', false);
  }
  await must(admin.request('DELETE', `${configMaps}?labelSelector=bench`));

  await withConnections(target, 16, async (connections) => {
    await Promise.all(
      connections.map(async (connection, c) => {
        for (let i = c; i < 5_000; i += 16) await must(connection.request('POST', configMaps, configMap(`list-${i}`)));
      }),
    );
  });
  const gets = await load(
    target,
    16,
    seconds,
    async (connection, i) => void (await must(connection.request('GET', `${configMaps}/list-${i % 5_000}`))),
  );
  add('gets, 16 clients', gets.perSecond, '/s', true);
  const lists: number[] = [];
  for (let i = 0; i < 15; i++) {
    const began = performance.now();
    await must(admin.request('GET', configMaps));
    lists.push(performance.now() - began);
  }
  add('list of 5,000, p50', quantile(lists, 0.5), 'ms', false);

  const delays = await watchDelays(target, admin, seconds);
  add('create → watch event at 100/s, p50', quantile(delays, 0.5), 'ms', false);
  add('create → watch event at 100/s, p99', quantile(delays, 0.99), 'ms', false);
  add(`Deployment of ${replicas} → all Running`, await deploy(target, admin, replicas), 's', false);
  await must(admin.request('DELETE', `/api/v1/namespaces/${namespace}`));
  admin.close();
  return figures;
}

async function watchDelays(target: Target, admin: Connection, seconds: number): Promise<number[]> {
  const watcher = await open(target);
  const { metadata } = JSON.parse(await must(admin.request('GET', `${configMaps}?limit=1`))) as {
    metadata: { resourceVersion: string };
  };
  const sent = new Map<string, number>();
  const delays: number[] = [];
  await watcher.stream(`${configMaps}?watch=1&resourceVersion=${metadata.resourceVersion}`, (line) => {
    const name = /"name":"(w-\d+)"/.exec(line)?.[1];
    const began = name === undefined ? undefined : sent.get(name);
    if (began !== undefined) delays.push(performance.now() - began);
  });
  await withConnections(target, 4, async (connections) => {
    const total = seconds * 100;
    const began = performance.now();
    await Promise.all(
      connections.map(async (connection, c) => {
        for (let i = c; i < total; i += connections.length) {
          await wait(Math.max(0, began + i * 10 - performance.now()));
          sent.set(`w-${i}`, performance.now());
          await must(connection.request('POST', configMaps, configMap(`w-${i}`)));
        }
      }),
    );
  });
  await wait(500);
  watcher.close();
  return delays;
}

/** Seconds from the POST until a watch has shown the last pod Running. */
async function deploy(target: Target, admin: Connection, replicas: number): Promise<number> {
  const watcher = await open(target);
  const running = new Set<string>();
  const { promise, resolve } = Promise.withResolvers<void>();
  await watcher.stream(`/api/v1/namespaces/${namespace}/pods?watch=1`, (line) => {
    const event = JSON.parse(line) as {
      type: string;
      object: { metadata: { name: string }; status?: { phase?: string } };
    };
    if (event.object.status?.phase === 'Running') running.add(event.object.metadata.name);
    if (running.size >= replicas) resolve();
  });
  const labels = { app: 'bench' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.10' }] } };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'bench' },
    spec: { replicas, selector: { matchLabels: labels }, template },
  };
  const began = performance.now();
  await must(admin.request('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, JSON.stringify(deployment)));
  const tooLong = setTimeout(() => resolve(), 120_000);
  await promise;
  clearTimeout(tooLong);
  const took = running.size >= replicas ? (performance.now() - began) / 1_000 : NaN;
  watcher.close();
  await must(
    admin.request(
      'DELETE',
      `/apis/apps/v1/namespaces/${namespace}/deployments/bench`,
      JSON.stringify({ propagationPolicy: 'Background' }),
    ),
  );
  return took;
}

function targetOf(url: string | undefined, tokenFile: string | undefined): Target {
  if (!url || !tokenFile) throw new Error('--url and --token-file are needed');
  return { url, token: readFileSync(tokenFile, 'utf8').trim() };
}

const text = (figure: Figure | undefined): string =>
  figure ? `${figure.value >= 100 ? Math.round(figure.value) : figure.value.toFixed(2)} ${figure.unit}` : '';
const ours = await measure(targetOf(values.url, values['token-file']), Number(values.seconds), Number(values.replicas));
const theirs = values.against
  ? await measure(
      targetOf(values.against, values['against-token-file']),
      Number(values.seconds),
      Number(values.replicas),
    )
  : undefined;
process.stdout.write(
  `| what | ${values.url} |${theirs ? ` ${values.against} | ratio |` : ''}\n|---|---|${theirs ? '---|---|' : ''}\n`,
);
for (const [i, figure] of ours.entries()) {
  const other = theirs?.[i];
  const ratio = other && (figure.more ? figure.value / other.value : other.value / figure.value);
  process.stdout.write(
    `| ${figure.what} | ${text(figure)} |${other ? ` ${text(other)} | ${ratio?.toFixed(1)}× |` : ''}\n`,
  );
}
process.exit();
