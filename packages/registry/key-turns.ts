/**
 * Lets those who keep losing races for one object take turns: without it n writers of a hot object do n² attempts.
 * Only a queue within this process; what decides is the store's precondition.
 */
export interface KeyTurns {
  /** Runs when everyone who asked for this key before is done, whatever became of them. */
  take<T>(key: string, run: () => Promise<T>): Promise<T>;
}

export function createKeyTurns(): KeyTurns {
  const tails = new Map<string, Promise<unknown>>();
  return {
    take(key, run) {
      const before = tails.get(key);
      const mine = before ? before.then(run, run) : run();
      tails.set(key, mine);
      const leave = (): void => {
        if (tails.get(key) === mine) tails.delete(key);
      };
      mine.then(leave, leave);
      return mine;
    },
  };
}
