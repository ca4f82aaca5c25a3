import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';
import { type Change, type Controller, type Lister, type WatchRule, rulesOf } from './controller.ts';
import { type WorkMessage, groupOf, keyOf, workMessage } from './messages.ts';

/** As much of a controller as it takes to know what wakes it. */
export type Wakeable = Pick<Controller, 'name' | 'watches' | 'concurrency' | 'resyncMs'>;

/** What the watch rules of all controllers make of changes: for who feeds them without running them. */
export interface RuleTable {
  /** Where the kinds of changes are that any rule wants. */
  prefixes(): readonly string[];
  wants(prefix: string): boolean;
  /** Objects of `prefix` in each version that a rule names. */
  messages(
    prefix: string,
    changeOf: (type: ResourceType<KubernetesObject>) => Change<KubernetesObject> | undefined,
    lookup: Lister,
  ): Promise<readonly Routed[]>;
  /** What they would make of every object of `prefix` if it were new. */
  everything(
    prefix: string,
    changesOf: (type: ResourceType<KubernetesObject>) => Promise<readonly Change<KubernetesObject>[]>,
    lookup: Lister,
  ): Promise<readonly Routed[]>;
  /** The sweeps that are due in this slice of time. */
  sweeps(after: number, until: number): readonly Routed[];
}

/** A message with the queue that it goes to. */
export interface Routed {
  readonly queue: string;
  readonly group: string;
  readonly key: string;
  readonly message: WorkMessage;
}

/** `prefixOf`: where objects of a type are stored; undefined where it is not served. */
export function createRuleTable(
  queues: Readonly<Record<string, readonly Wakeable[]>>,
  prefixOf: (type: ResourceType<KubernetesObject>) => string | undefined,
): RuleTable {
  const all = Object.entries(queues).flatMap(([queue, controllers]) =>
    controllers.map((controller) => ({ queue, controller })),
  );
  interface Bound {
    readonly queue: string;
    readonly controller: Wakeable;
    readonly rule: WatchRule;
  }
  let seen: readonly WatchRule[] = [];
  let table = new Map<string, Bound[]>();

  /** Kinds come and go, seldom: the table is made anew when a rule does. */
  const current = (): Map<string, Bound[]> => {
    const bound = all.flatMap(({ queue, controller }) =>
      rulesOf(controller).map((rule) => ({ queue, controller, rule })),
    );
    if (bound.length === seen.length && bound.every(({ rule }, i) => rule === seen[i])) return table;
    const made = new Map<string, Bound[]>();
    let whole = true;
    for (const one of bound) {
      const prefix = prefixOf(one.rule.type);
      if (prefix === undefined) whole = false;
      else made.set(prefix, [...(made.get(prefix) ?? []), one]);
    }
    seen = whole ? bound.map(({ rule }) => rule) : [];
    table = made;
    return table;
  };
  const routed = (queue: string, controller: Wakeable, message: WorkMessage): Routed => ({
    queue,
    group: groupOf(message, controller),
    key: keyOf(message),
    message,
  });

  const made = async ({ queue, controller, rule }: Bound, change: Change<KubernetesObject>, lookup: Lister) => {
    const requests = rule.requests(change, lookup);
    return (requests instanceof Promise ? await requests : requests).map((request) =>
      routed(queue, controller, workMessage(controller.name, request)),
    );
  };

  return {
    prefixes: () => [...current().keys()],
    wants: (prefix) => current().has(prefix),
    async messages(prefix, changeOf, lookup) {
      const found = await Promise.all(
        (current().get(prefix) ?? []).map(async (bound) => {
          const change = changeOf(bound.rule.type);
          return change ? made(bound, change, lookup) : [];
        }),
      );
      return found.flat();
    },
    async everything(prefix, changesOf, lookup) {
      const found: Routed[] = [];
      for (const bound of current().get(prefix) ?? []) {
        for (const change of await changesOf(bound.rule.type)) found.push(...(await made(bound, change, lookup)));
      }
      return found;
    },
    sweeps: (after, until) =>
      all.flatMap(({ queue, controller }) => {
        const { resyncMs } = controller;
        if (resyncMs === undefined || Math.floor(until / resyncMs) === Math.floor(after / resyncMs)) return [];
        return [routed(queue, controller, workMessage(controller.name, { name: '' }))];
      }),
  };
}
