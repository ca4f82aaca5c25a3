import type { Target } from './service-endpoints.ts';

/** Chooses among the targets of one port of a Service. */
export interface TargetChoice {
  /** Another one than those that were tried already; undefined = there is none. */
  choose(targets: readonly Target[], tried: ReadonlySet<Target>): Target | undefined;
  /** It answered: with affinity, the next connections go there too. */
  used(target: Target): void;
}

/**
 * At random; with affinity the one that was used last, as long as the time since its last use is shorter. All clients of an
 * agent are one pod, so there is one to remember, as kube-proxy would for the pod's address.
 */
export function createTargetChoice(
  affinitySeconds: number,
  now: () => number,
  random: () => number = Math.random,
): TargetChoice {
  let last: { readonly address: string; readonly port: number; readonly at: number } | undefined;
  return {
    choose(targets, tried) {
      const left = targets.filter((one) => !tried.has(one));
      if (last && affinitySeconds > 0 && now() - last.at < affinitySeconds * 1000) {
        const same = left.find((one) => one.address === last?.address && one.port === last.port);
        if (same) return same;
      }
      return left[Math.floor(random() * left.length)];
    },
    used(target) {
      if (affinitySeconds > 0) last = { ...target, at: now() };
    },
  };
}
