/**
 * Keeps the rules of every namespace at what the model says: a new pod's at once and whole, those that are known by what
 * has changed. Each node has a lane of its own; lanes run at the same time.
 */
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { backoffDelay } from '@nodeless/component-base/retry';
import { createNamespaceShell, type NamespaceShell, type Outcome, type Program } from './namespace-shell.ts';
import type { Renderer } from './render.ts';
import { deltaText, fullText, removalText, type Ruleset } from './ruleset.ts';

export interface RuleProgrammer {
  /** The rules to have from now on. */
  want(renderer: Renderer): void;
  /** A node, whose own namespace is its helper's. Resolves and rejects as addPod; it is tried again in any case. */
  addNode(name: string): Promise<void>;
  /** A pod's namespace. Resolves when its rules are there; rejects when they could not be set. */
  addPod(uid: string, nodeName: string, namespace: string): Promise<void>;
  /** Resolves when every namespace has the rules that are wanted now. */
  settled(): Promise<void>;
  /** Leaves the rules in place: pods go on reaching each other without us. */
  stop(): void;
  /** Takes all rules away. */
  clear(): Promise<void>;
}

interface Target {
  readonly id: string;
  readonly isNode: boolean;
  namespace: string;
  identity: string;
  /** undefined = unknown: to be written whole. */
  applied: Ruleset | undefined;
  waiters: { readonly resolve: () => void; readonly reject: (error: Error) => void }[];
  /** It could not be written whole: what nft said. */
  failure: string;
}

interface Lane {
  readonly node: string;
  readonly shell: NamespaceShell;
  readonly targets: Map<string, Target>;
  running: boolean;
  failures: number;
  retry: Timer | undefined;
}

export interface RuleProgrammerOptions {
  /** Starts a program in the helper of a node. */
  readonly open: (node: string, command: readonly string[]) => Promise<Duplex>;
  readonly clock: Clock;
  readonly log: Logger;
}

const nodeId = 'node';
const retry = { baseMs: 200, capMs: 15_000 };

export function createRuleProgrammer(options: RuleProgrammerOptions): RuleProgrammer {
  const { open, clock, log } = options;
  const lanes = new Map<string, Lane>();
  let renderer: Renderer | undefined;
  let stopped = false;
  let idle: (() => void)[] = [];

  const wantedOf = (lane: Lane, target: Target): Ruleset | undefined =>
    target.isNode ? renderer?.node(lane.node) : renderer?.pod(lane.node);
  const isBehind = (lane: Lane): boolean =>
    [...lane.targets.values()].some(
      (target) => target.applied === undefined || target.applied !== wantedOf(lane, target),
    );

  const laneOf = (node: string): Lane => {
    const known = lanes.get(node);
    if (known) return known;
    const shell = createNamespaceShell({
      open: () => open(node, ['/bin/sh']),
      clock,
      onLost() {
        // The helper may be another one when it answers again, with a namespace that knows nothing.
        const own = lane.targets.get(nodeId);
        if (own) Object.assign(own, { identity: '', applied: undefined });
        later(lane);
      },
    });
    const lane: Lane = { node, shell, targets: new Map(), running: false, failures: 0, retry: undefined };
    lanes.set(node, lane);
    return lane;
  };

  const later = (lane: Lane): void => {
    if (stopped) return;
    lane.retry?.cancel();
    lane.retry = clock.setTimer(() => run(lane), backoffDelay(lane.failures++, retry));
  };

  const run = (lane: Lane): void => {
    if (lane.running || stopped || renderer === undefined) return;
    lane.running = true;
    void (async () => {
      try {
        while (!stopped && isBehind(lane)) await pass(lane);
        lane.failures = 0;
      } catch (error) {
        if (!stopped) log.warn('Service rules could not be written', { node: lane.node, error });
        for (const target of lane.targets.values())
          settle(target, error instanceof Error ? error : new Error(String(error)));
        later(lane);
      } finally {
        lane.running = false;
        if (![...lanes.values()].some((one) => one.running || isBehind(one))) for (const done of idle.splice(0)) done();
      }
    })();
  };

  /** One batch: each namespace that is behind, by the difference where its rules are known. */
  const pass = async (lane: Lane): Promise<void> => {
    const deltas = new Map<Ruleset, Map<Ruleset, string>>();
    const whole = new Map<Ruleset, string>();
    const aims = new Map<string, Ruleset>();
    const programs: Program[] = [];
    for (const target of lane.targets.values()) {
      const wanted = wantedOf(lane, target);
      if (wanted === undefined || target.applied === wanted) continue;
      const text = target.applied
        ? remembered(deltas, target.applied, wanted)
        : getOrMake(whole, wanted, () => fullText(wanted));
      if (text === '') {
        target.applied = wanted;
        continue;
      }
      aims.set(target.id, wanted);
      programs.push({ id: target.id, namespace: target.namespace, identity: target.identity, text });
    }
    if (programs.length === 0) return;
    const outcomes = await lane.shell.apply(programs);
    for (const { id } of programs) {
      const target = lane.targets.get(id);
      if (target) conclude(lane, target, outcomes.get(id), aims.get(id) as Ruleset);
    }
    const failed = programs
      .map(({ id }) => lane.targets.get(id))
      .find((target) => target !== undefined && target.failure !== '');
    if (failed) throw new Error(`nft: ${failed.failure}`);
  };

  const conclude = (lane: Lane, target: Target, outcome: Outcome | undefined, aim: Ruleset): void => {
    if (outcome?.result === 'applied') {
      target.applied = aim;
      target.identity = outcome.identity;
      target.failure = '';
      settle(target);
    } else if (outcome?.result === 'gone' && !target.isNode) {
      lane.targets.delete(target.id);
      settle(target, new Error('the pod has no network namespace any more'));
    } else {
      const message = outcome?.result === 'failed' ? outcome.message : 'no answer';
      // A difference that does not fit is no failure yet: the next batch writes it whole.
      if (target.applied === undefined) target.failure = message;
      else log.warn('Service rules are written anew', { node: lane.node, target: target.id, reason: message });
      target.applied = undefined;
      target.identity = target.isNode ? '' : target.identity;
    }
  };

  const settle = (target: Target, error?: Error): void => {
    for (const { resolve, reject } of target.waiters.splice(0)) {
      if (error) reject(error);
      else resolve();
    }
  };

  const add = (node: string, id: string, namespace: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const lane = laneOf(node);
      const before = lane.targets.get(id);
      if (before) settle(before, new Error('replaced'));
      const waiters = [{ resolve, reject }];
      const isNode = id === nodeId;
      lane.targets.set(id, { id, isNode, namespace, identity: '', applied: undefined, waiters, failure: '' });
      run(lane);
    });

  return {
    want(next) {
      renderer = next;
      for (const lane of lanes.values()) if (!lane.retry || lane.failures === 0) run(lane);
    },
    addNode: (name) => add(name, nodeId, '/proc/self/ns/net'),
    addPod: (uid, nodeName, namespace) => add(nodeName, uid, namespace),
    settled() {
      if (renderer !== undefined && ![...lanes.values()].some((lane) => lane.running || isBehind(lane)))
        return Promise.resolve();
      return new Promise((resolve) => idle.push(resolve));
    },
    stop() {
      stopped = true;
      for (const lane of lanes.values()) {
        lane.retry?.cancel();
        lane.shell.close();
        for (const target of lane.targets.values()) settle(target, new Error('stopped'));
      }
      idle = [];
    },
    async clear() {
      await Promise.all(
        [...lanes.values()].map(({ shell, targets }) =>
          shell.apply(
            [...targets.values()].map(({ id, namespace, identity }) => ({
              id,
              namespace,
              identity,
              text: removalText,
            })),
          ),
        ),
      );
    },
  };
}

function remembered(made: Map<Ruleset, Map<Ruleset, string>>, from: Ruleset, to: Ruleset): string {
  const texts = getOrMake(made, from, () => new Map<Ruleset, string>());
  return getOrMake(texts, to, () => deltaText(from, to));
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const value = make();
  map.set(key, value);
  return value;
}
