import { typeOf } from '../keys.ts';
import { type Entry, type Operation, StoreError } from '../store.ts';

export type Write = Exclude<Operation, { type: 'check' }>;

export interface PlannedChange {
  /** The commit it belongs to, and its place among that commit's operations. */
  readonly commit: number;
  readonly place: number;
  readonly operation: Write;
}

export interface BatchPlan {
  /** By commit: why it cannot be done; undefined for those that can. */
  readonly failures: readonly (StoreError | undefined)[];
  /** In the order of commits and operations. */
  readonly changes: readonly PlannedChange[];
  /** Every key that a commit which can be done reads or writes. */
  readonly keys: ReadonlySet<string>;
  /** Revisions needed, by type. */
  readonly counts: ReadonlyMap<string, number>;
}

/** What stands at a key while a batch is planned: the entry, nothing, or something that the batch itself will put there. */
type State = Entry | undefined | 'planned';

/**
 * Goes through commits in their order, each against what the ones before it leave behind, and decides which can be
 * done. `state`: what is at a key before all of them.
 */
export function planBatch(
  commits: readonly (readonly Operation[])[],
  state: (key: string) => Entry | undefined,
): BatchPlan {
  const overlay = new Map<string, State>();
  const failures: (StoreError | undefined)[] = [];
  const changes: PlannedChange[] = [];
  const keys = new Set<string>();
  const counts = new Map<string, number>();
  for (const [commit, operations] of commits.entries()) {
    let failure: StoreError | undefined;
    for (const operation of operations) {
      const { key } = operation;
      failure = violation(operation, overlay.has(key) ? overlay.get(key) : state(key));
      if (failure) break;
    }
    failures.push(failure);
    if (failure) continue;
    for (const [place, operation] of operations.entries()) {
      keys.add(operation.key);
      if (operation.type === 'check') continue;
      changes.push({ commit, place, operation });
      overlay.set(operation.key, operation.type === 'put' ? 'planned' : undefined);
      const type = typeOf(operation.key);
      counts.set(type, (counts.get(type) ?? 0) + 1);
    }
  }
  return { failures, changes, keys, counts };
}

function violation(operation: Operation, state: State): StoreError | undefined {
  const { key, expected } = operation;
  const current = state === 'planned' ? undefined : state;
  if (expected === 'absent') {
    return state === undefined
      ? undefined
      : new StoreError('exists', `key ${key} exists`, current ? { key, current } : { key });
  }
  if (state === undefined) {
    return expected === 'any' && operation.type === 'put'
      ? undefined
      : new StoreError('missing', `key ${key} does not exist`, { key });
  }
  if (typeof expected === 'string' || expected === current?.revision) return undefined;
  const at = current ? `at revision ${current.revision}` : 'being written';
  return new StoreError('conflict', `key ${key} is ${at}, not at ${expected}`, current ? { key, current } : { key });
}

export function refuseRepeatedKeys(operations: readonly Operation[]): void {
  const keys = new Set<string>();
  for (const { key } of operations) {
    if (keys.has(key)) throw new TypeError(`more than one operation on key ${key}`);
    keys.add(key);
  }
}
