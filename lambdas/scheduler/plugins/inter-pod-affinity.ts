import type { PodAffinityTerm } from '@nodeless/apimachinery/generated/types/core/v1';
import { type LabelMatcher, matcherOf } from '@nodeless/apimachinery/labels';
import { filterPlugin, ok, scorePlugin, unfit } from '../framework.ts';
import type { NodeInfo, Snapshot } from '../snapshot.ts';
import type { PodInfo } from '../pod-info.ts';

/** A term made ready for one pod: which others it is about, and over which domains. */
interface Term {
  readonly topologyKey: string;
  about(other: PodInfo): boolean;
}

function termOf(term: PodAffinityTerm, owner: PodInfo, snapshot: Snapshot): Term {
  const { labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = term;
  const own = (keys: readonly string[]): string[] => keys.filter((key) => key in owner.labels);
  const selector = labelSelector && {
    ...labelSelector,
    matchExpressions: [
      ...(labelSelector.matchExpressions ?? []),
      ...own(matchLabelKeys).map((key) => ({ key, operator: 'In', values: [owner.labels[key] as string] })),
      ...own(mismatchLabelKeys).map((key) => ({ key, operator: 'NotIn', values: [owner.labels[key] as string] })),
    ],
  };
  const matches: LabelMatcher = matcherOf(selector);
  // Listed namespaces and selected ones together; without either, the pod's own. An empty selector selects every namespace.
  const listed = term.namespaces?.length ? term.namespaces : term.namespaceSelector ? [] : [owner.namespace];
  const selects: LabelMatcher = term.namespaceSelector ? matcherOf(term.namespaceSelector) : () => false;
  const inNamespace = (name: string): boolean => listed.includes(name) || selects(snapshot.namespaceLabels(name) ?? {});
  return { topologyKey: term.topologyKey, about: (other) => inNamespace(other.namespace) && matches(other.labels) };
}

const requiredTerms = (pod: PodInfo, side: 'podAffinity' | 'podAntiAffinity', snapshot: Snapshot): Term[] =>
  (pod.pod.spec?.affinity?.[side]?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
    termOf(term, pod, snapshot),
  );

interface State {
  readonly affinity: readonly { term: Term; domains: ReadonlySet<string> }[];
  readonly antiAffinity: readonly { term: Term; domains: ReadonlySet<string> }[];
  /** `key\nvalue` of domains that pods already there keep this pod out of. */
  readonly forbidden: ReadonlySet<string>;
  /** No pod anywhere satisfies the affinity terms but the pod itself does: the first of its group may go anywhere. */
  readonly firstOfItsGroup: boolean;
}

function domainsWith(nodes: readonly NodeInfo[], term: Term): Set<string> {
  const domains = new Set<string>();
  for (const node of nodes) {
    const domain = node.labels[term.topologyKey];
    if (domain === undefined || domains.has(domain)) continue;
    for (const other of node.pods.values()) {
      if (term.about(other)) {
        domains.add(domain);
        break;
      }
    }
  }
  return domains;
}

function prepare(pod: PodInfo, snapshot: Snapshot): State | 'skip' {
  const affinity = requiredTerms(pod, 'podAffinity', snapshot).map((term) => ({
    term,
    domains: domainsWith(snapshot.nodes, term),
  }));
  const antiAffinity = requiredTerms(pod, 'podAntiAffinity', snapshot).map((term) => ({
    term,
    domains: domainsWith(snapshot.nodes, term),
  }));
  const forbidden = new Set<string>();
  for (const node of snapshot.nodes) {
    for (const other of node.withAntiAffinity) {
      for (const term of requiredTerms(other, 'podAntiAffinity', snapshot)) {
        const domain = node.labels[term.topologyKey];
        if (domain !== undefined && term.about(pod)) forbidden.add(`${term.topologyKey}\n${domain}`);
      }
    }
  }
  if (affinity.length === 0 && antiAffinity.length === 0 && forbidden.size === 0) return 'skip';
  const firstOfItsGroup = affinity.every(({ term, domains }) => domains.size === 0 && term.about(pod));
  return { affinity, antiAffinity, forbidden, firstOfItsGroup };
}

const has = (node: NodeInfo, { term, domains }: { term: Term; domains: ReadonlySet<string> }): boolean => {
  const domain = node.labels[term.topologyKey];
  return domain !== undefined && domains.has(domain);
};

export const interPodAffinity = filterPlugin<State>({
  name: 'InterPodAffinity',
  prepare,
  filter(_pod, node, { affinity, antiAffinity, forbidden, firstOfItsGroup }) {
    const together = affinity.every(
      (one) => has(node, one) || (firstOfItsGroup && one.term.topologyKey in node.labels),
    );
    if (!together) return unfit("node(s) didn't match pod affinity rules", false);
    if (antiAffinity.some((one) => has(node, one))) return unfit("node(s) didn't match pod anti-affinity rules", true);
    for (const pair of forbidden) {
      const [key, value] = pair.split('\n') as [string, string];
      if (node.labels[key] === value) return unfit("node(s) didn't satisfy existing pods anti-affinity rules", true);
    }
    return ok;
  },
  looksAtPods: true,
  retryOn: ['node-added', 'node-labels', 'pod-assigned', 'pod-deleted', 'pod-labels', 'pod-updated'],
});

/** Preferred terms of the pod, weighted by how many pods each domain holds that they are about. */
export const interPodAffinityScore = scorePlugin({
  name: 'InterPodAffinity',
  prepare(pod, snapshot: Snapshot) {
    const { podAffinity, podAntiAffinity } = pod.pod.spec?.affinity ?? {};
    const weighted = [
      ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((p) => ({
        weight: p.weight,
        term: termOf(p.podAffinityTerm, pod, snapshot),
      })),
      ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((p) => ({
        weight: -p.weight,
        term: termOf(p.podAffinityTerm, pod, snapshot),
      })),
    ];
    if (weighted.length === 0) return 'skip' as const;
    const scores = new Map<string, number>();
    for (const node of snapshot.nodes) {
      for (const { weight, term } of weighted) {
        const domain = node.labels[term.topologyKey];
        if (domain === undefined) continue;
        for (const other of node.pods.values()) {
          const key = `${term.topologyKey}\n${domain}`;
          if (term.about(other)) scores.set(key, (scores.get(key) ?? 0) + weight);
        }
      }
    }
    return scores;
  },
  score(_pod, node, scores) {
    let sum = 0;
    for (const [pair, value] of scores) {
      const [key, domain] = pair.split('\n') as [string, string];
      if (node.labels[key] === domain) sum += value;
    }
    return sum;
  },
  normalize(scores) {
    const max = Math.max(...scores);
    const min = Math.min(...scores);
    for (let i = 0; i < scores.length; i++)
      scores[i] = max === min ? 0 : Math.floor((100 * ((scores[i] as number) - min)) / (max - min));
  },
});
