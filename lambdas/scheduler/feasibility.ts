import { type FilterPlugin, type Fit, ok, type Profile } from './framework.ts';
import type { PodInfo } from './pod-info.ts';
import { cloneNode, type NodeInfo, type Snapshot, withNode } from './snapshot.ts';

export interface PreparedFilter {
  readonly plugin: FilterPlugin;
  readonly state: unknown;
}

/** The filters that have something to say about this pod, with their work for all nodes done. */
export function prepareFilters(pod: PodInfo, snapshot: Snapshot, profile: Profile): PreparedFilter[] {
  const prepared: PreparedFilter[] = [];
  for (const plugin of profile.filters) {
    const state = plugin.prepare?.(pod, snapshot);
    if (state !== 'skip') prepared.push({ plugin, state });
  }
  return prepared;
}

export type Verdict = Fit & { readonly by?: string };

/** The first refusal, with the name of the plugin that made it. */
export function fitOn(pod: PodInfo, node: NodeInfo, filters: readonly PreparedFilter[]): Verdict {
  for (const { plugin, state } of filters) {
    const fit = plugin.filter(pod, node, state);
    if (!fit.fits) return { ...fit, by: plugin.name };
  }
  return ok;
}

/** As if `node` took the place of the one of its name: what other nodes' pods mean is worked out again. */
function fitOnChanged(
  pod: PodInfo,
  node: NodeInfo,
  filters: readonly PreparedFilter[],
  snapshot: Snapshot,
  profile: Profile,
): Verdict {
  const changed = withNode(snapshot, node);
  const prepared: PreparedFilter[] = [];
  for (const plugin of profile.filters) {
    if (!plugin.looksAtPods) {
      const known = filters.find((one) => one.plugin === plugin);
      if (known) prepared.push(known);
      continue;
    }
    const state = plugin.prepare?.(pod, changed);
    if (state !== 'skip') prepared.push({ plugin, state });
  }
  return fitOn(pod, node, prepared);
}

/**
 * With room kept for pods that are to come to this node because others were removed for them: those at least as important
 * as this pod. It must fit with them and without them, since they may come or not.
 */
export function fitBesideNominated(
  pod: PodInfo,
  node: NodeInfo,
  filters: readonly PreparedFilter[],
  snapshot: Snapshot,
  profile: Profile,
): Verdict {
  const crowded = withNominated(pod, node, snapshot);
  const fit = crowded ? fitOnChanged(pod, crowded, filters, snapshot, profile) : ok;
  return fit.fits ? fitOn(pod, node, filters) : fit;
}

/** The same for a node that was changed for trial. */
export function fitOnTrial(
  pod: PodInfo,
  node: NodeInfo,
  filters: readonly PreparedFilter[],
  snapshot: Snapshot,
  profile: Profile,
): Verdict {
  const crowded = withNominated(pod, node, snapshot);
  const fit = crowded ? fitOnChanged(pod, crowded, filters, snapshot, profile) : ok;
  return fit.fits ? fitOnChanged(pod, node, filters, snapshot, profile) : fit;
}

/** undefined: nobody is awaited there who matters to this pod. */
function withNominated(pod: PodInfo, node: NodeInfo, snapshot: Snapshot): NodeInfo | undefined {
  const awaited = snapshot
    .nominated(node.name)
    .filter((other) => other.uid !== pod.uid && other.priority >= pod.priority);
  if (awaited.length === 0) return undefined;
  const crowded = cloneNode(node);
  for (const other of awaited) crowded.add(other);
  return crowded;
}
