/** Writes that know what became of them, what a client saw of them, and whether the two agree. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Answered, ask } from './https.ts';
import type { RunningCluster } from './running-cluster.ts';

export interface Acknowledged {
  readonly what: 'put' | 'delete';
  readonly uid: string;
  /** Of the object after the write; a deletion's is not told to who asked for it. */
  readonly rv: number | undefined;
  readonly value: string;
}

/** What one client told, in the order in which it told it. */
export interface Seen {
  readonly what: 'add' | 'update' | 'delete' | 'relist';
  readonly uid: string;
  readonly rv: number;
  readonly value: string;
}

interface ConfigMap {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly data?: { readonly value?: string };
}

export interface Writers {
  /** Acknowledged until now; grows. */
  readonly acknowledged: readonly Acknowledged[];
  /** Waits for writes under way. Rejects with what a writer met that it did not expect. */
  stop(): Promise<void>;
}

const path = (namespace: string, name = ''): string =>
  `/api/v1/namespaces/${namespace}/configmaps${name && `/${name}`}`;
const retryMs = 20;

/**
 * Keeps creating, changing and deleting ConfigMaps, each value once, through whatever server `cluster()` gives at the time.
 * A write whose answer did not come is not repeated: the writer reads how things stand and goes on from there.
 */
export function startWriters(cluster: () => RunningCluster, namespace: string, count: number): Writers {
  const acknowledged: Acknowledged[] = [];
  const stopping = new AbortController();
  let values = 0;

  const write = (method: string, at: string, body?: unknown): Promise<Answered | undefined> =>
    ask(cluster(), {
      method,
      path: at,
      headers: { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    }).catch(() => undefined);

  const read = async (name: string): Promise<ConfigMap | undefined> => {
    for (;;) {
      const answer = await write('GET', path(namespace, name));
      if (answer?.status === 200) return answer.json() as ConfigMap;
      if (answer?.status === 404) return undefined;
      await delay(retryMs);
    }
  };

  const run = async (name: string): Promise<void> => {
    let current = await read(name);
    for (let turn = 0; !stopping.signal.aborted; turn++) {
      const value = String((values += 1));
      const deletes = current !== undefined && turn % 5 === 4;
      const object = { metadata: { name }, data: { value } };
      const answer = deletes
        ? await write('DELETE', path(namespace, name))
        : current
          ? await write('PUT', path(namespace, name), object)
          : await write('POST', path(namespace), object);
      if (answer === undefined || answer.status === 503 || answer.status === 429) {
        await delay(retryMs);
        current = await read(name);
        continue;
      }
      if (answer.status >= 300) throw new Error(`writing ${name}: ${answer.status} ${answer.text}`);
      if (deletes && current) {
        acknowledged.push({
          what: 'delete',
          uid: current.metadata.uid,
          rv: undefined,
          value: current.data?.value ?? '',
        });
        current = undefined;
      } else {
        current = answer.json() as ConfigMap;
        acknowledged.push({
          what: 'put',
          uid: current.metadata.uid,
          rv: Number(current.metadata.resourceVersion),
          value,
        });
      }
    }
  };

  const running = Promise.all(Array.from({ length: count }, (_, i) => run(`written-${i}`)));
  running.catch(() => stopping.abort());
  return {
    acknowledged,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** How things stand: by name, uid, revision and value. */
export async function freshList(cluster: RunningCluster, namespace: string): Promise<Record<string, string>> {
  const { items } = (await ask(cluster, { path: path(namespace) })).json() as { items: ConfigMap[] };
  return describeCache(items);
}

export function describeCache(
  items: readonly {
    metadata?: { name?: string; uid?: string; resourceVersion?: string };
    data?: Record<string, string>;
  }[],
): Record<string, string> {
  return Object.fromEntries(
    items.map(({ metadata, data }) => [
      metadata?.name ?? '',
      `${metadata?.uid} ${metadata?.resourceVersion} ${data?.['value'] ?? ''}`,
    ]),
  );
}

/**
 * What is wrong with what a client saw, in words; empty when nothing is. A client that lists again may skip states that were
 * over by then, as long as the list is newer than they are; it never goes back and never sees anything twice.
 */
export function compareSeen(acknowledged: readonly Acknowledged[], seen: readonly Seen[]): string[] {
  const wrong: string[] = [];
  const byRevision = new Map<number, Seen>();
  const skipped: { from: number; to: number }[] = [];
  let last = 0;
  for (const one of seen) {
    if (one.what === 'relist') {
      skipped.push({ from: last, to: one.rv });
      continue;
    }
    if (byRevision.has(one.rv)) wrong.push(`revision ${one.rv} was told twice`);
    // The items of a list are in no order of revisions.
    const listed = skipped.some(({ to }) => one.rv <= to);
    if (one.rv <= last && !listed) wrong.push(`revision ${one.rv} was told after ${last}`);
    byRevision.set(one.rv, one);
    last = Math.max(last, one.rv);
  }
  const deleted = new Set(seen.filter(({ what }) => what === 'delete').map(({ uid }) => uid));
  for (const { what, uid, rv, value } of acknowledged) {
    if (what === 'delete') {
      if (!deleted.has(uid)) wrong.push(`the deletion of ${uid} was not told`);
      continue;
    }
    const told = byRevision.get(rv as number);
    if (
      told
        ? told.value !== value || told.uid !== uid
        : !skipped.some(({ from, to }) => (rv as number) > from && (rv as number) <= to)
    )
      wrong.push(
        told ? `revision ${rv} was told as ${told.value}, not ${value}` : `revision ${rv} (${value}) was not told`,
      );
  }
  return wrong;
}
