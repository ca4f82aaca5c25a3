/**
 * Counters and histograms in Prometheus' text form. Our own few lines and not prom-client: recording a request is a map
 * look-up and two additions, and nothing is loaded at start (docs/adr/0004-http-doors.md).
 */
const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly labels: string;
  value: number;
}
interface HistogramSeries {
  readonly labels: string;
  readonly counts: number[];
  sum: number;
  count: number;
}

export interface RequestMetrics {
  /** A request that has been answered. `scope`: resource, namespace, cluster or ''. */
  record(
    labels: {
      verb: string;
      group: string;
      version: string;
      resource: string;
      subresource: string;
      scope: string;
      code: number;
    },
    seconds: number,
  ): void;
  /** A watch or another long-running request begins; the result ends it. */
  longRunning(labels: {
    verb: string;
    group: string;
    version: string;
    resource: string;
    subresource: string;
    scope: string;
  }): () => void;
  watchEvents(group: string, version: string, resource: string, events: number): void;
  /** The exposition. */
  text(
    gauges?: Readonly<Record<string, { help: string; values: readonly { labels: Labels; value: number }[] }>>,
  ): string;
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`)
    .join(',');
}

/** Paths and names of clients end up in labels: their number is bounded. */
const maxSeries = 5_000;

export function createRequestMetrics(): RequestMetrics {
  const totals = new Map<string, Series>();
  const durations = new Map<string, HistogramSeries>();
  const running = new Map<string, Series>();
  const events = new Map<string, Series>();

  const series = (map: Map<string, Series>, key: string, labels: () => Labels): Series | undefined => {
    let found = map.get(key);
    if (!found && map.size < maxSeries) map.set(key, (found = { labels: labelText(labels()), value: 0 }));
    return found;
  };

  return {
    record(l, seconds) {
      const key = `${l.verb} ${l.group} ${l.version} ${l.resource} ${l.subresource} ${l.scope}`;
      const total = series(totals, `${key} ${l.code}`, () => ({
        code: String(l.code),
        component: 'apiserver',
        dry_run: '',
        group: l.group,
        resource: l.resource,
        scope: l.scope,
        subresource: l.subresource,
        verb: l.verb,
        version: l.version,
      }));
      if (total) total.value++;
      let duration = durations.get(key);
      if (!duration && durations.size < maxSeries) {
        const labels = {
          component: 'apiserver',
          dry_run: '',
          group: l.group,
          resource: l.resource,
          scope: l.scope,
          subresource: l.subresource,
          verb: l.verb,
          version: l.version,
        };
        durations.set(key, (duration = { labels: labelText(labels), counts: buckets.map(() => 0), sum: 0, count: 0 }));
      }
      if (!duration) return;
      duration.sum += seconds;
      duration.count++;
      const bucket = seconds <= 0.005 ? 0 : buckets.findIndex((limit) => seconds <= limit);
      if (bucket >= 0) (duration.counts[bucket] as number)++;
    },
    longRunning(l) {
      const one = series(
        running,
        `${l.verb} ${l.group} ${l.version} ${l.resource} ${l.subresource} ${l.scope}`,
        () => ({ component: 'apiserver', ...l }),
      );
      if (!one) return () => {};
      one.value++;
      return () => void one.value--;
    },
    watchEvents(group, version, resource, count) {
      const one = series(events, `${group} ${version} ${resource}`, () => ({ group, resource, version }));
      if (one) one.value += count;
    },
    text(gauges = {}) {
      const lines: string[] = [];
      const simple = (name: string, help: string, type: string, all: Iterable<Series>): void => {
        lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
        for (const one of all) lines.push(`${name}{${one.labels}} ${one.value}`);
      };
      simple('apiserver_request_total', 'Counter of apiserver requests.', 'counter', totals.values());
      const name = 'apiserver_request_duration_seconds';
      lines.push(`# HELP ${name} Response latency distribution in seconds.`, `# TYPE ${name} histogram`);
      for (const { labels, counts, sum, count } of durations.values()) {
        let below = 0;
        buckets.forEach((limit, i) =>
          lines.push(`${name}_bucket{${labels},le="${limit}"} ${(below += counts[i] as number)}`),
        );
        lines.push(
          `${name}_bucket{${labels},le="+Inf"} ${count}`,
          `${name}_sum{${labels}} ${sum}`,
          `${name}_count{${labels}} ${count}`,
        );
      }
      simple(
        'apiserver_longrunning_requests',
        'Gauge of all active long-running apiserver requests.',
        'gauge',
        running.values(),
      );
      simple('apiserver_watch_events_total', 'Number of events sent in watch clients.', 'counter', events.values());
      for (const [gauge, { help, values }] of Object.entries(gauges)) {
        simple(
          gauge,
          help,
          'gauge',
          values.map(({ labels, value }) => ({ labels: labelText(labels), value })),
        );
      }
      return `${lines.join('\n')}\n`;
    },
  };
}
