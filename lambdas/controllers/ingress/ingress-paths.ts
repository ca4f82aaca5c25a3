/** Hosts and paths of an Ingress as patterns of an application load balancer, in the order in which they are to be tried. */
import type { HTTPIngressPath, Ingress, IngressBackend } from '@nodeless/apimachinery/generated/types/networking/v1';

export interface Route {
  /** '' = every host. */
  readonly host: string;
  readonly patterns: readonly string[];
  readonly backend: IngressBackend;
}

const longestPattern = 128;

/** What cannot be had is told in `problems` and left out. */
export function routesOf({ spec }: Ingress): {
  readonly routes: readonly Route[];
  readonly problems: readonly string[];
} {
  const problems: string[] = [];
  const routes: { route: Route; rank: readonly number[] }[] = [];
  for (const { host = '', http } of spec?.rules ?? []) {
    for (const path of http?.paths ?? []) {
      const patterns =
        host.length > longestPattern
          ? `a host of more than ${longestPattern} characters cannot be matched by the load balancer`
          : patternsOf(path);
      if (typeof patterns === 'string') problems.push(`${host}${path.path ?? ''}: ${patterns}`);
      else routes.push({ route: { host, patterns, backend: path.backend }, rank: rank(host, path) });
    }
  }
  const compare = (a: readonly number[], b: readonly number[]): number =>
    a.map((one, i) => one - (b[i] as number)).find((difference) => difference !== 0) ?? 0;
  return { routes: routes.toSorted((a, b) => compare(a.rank, b.rank)).map(({ route }) => route), problems };
}

/** Lower is tried first: named hosts before wildcards before none; exact paths, then the longest prefix, then the others in order. */
function rank(host: string, { pathType, path = '' }: HTTPIngressPath): number[] {
  const byHost = host === '' ? 2 : host.startsWith('*') ? 1 : 0;
  const byType = pathType === 'Exact' ? 0 : pathType === 'Prefix' ? 1 : 2;
  return [byHost, host.startsWith('*') ? -host.length : 0, byType, pathType === 'Prefix' ? -trimmed(path).length : 0];
}

const trimmed = (path: string): string => path.replace(/\/+$/, '');

function patternsOf({ pathType, path = '' }: HTTPIngressPath): string[] | string {
  if (pathType === 'ImplementationSpecific') return check([path === '' ? '/*' : path]);
  // The load balancer has no way to mean these characters themselves.
  if (/[*?]/.test(path))
    return `a path of type ${pathType} cannot have "*" or "?"; use ImplementationSpecific for patterns`;
  if (pathType === 'Exact') return check([path]);
  const prefix = trimmed(path);
  return check(prefix === '' ? ['/*'] : [prefix, `${prefix}/*`]);
}

function check(patterns: string[]): string[] | string {
  if (patterns.some((pattern) => pattern.length > longestPattern))
    return `a path of more than ${longestPattern - 2} characters cannot be matched by the load balancer`;
  // Elastic Load Balancing's documentation of path conditions has the list.
  const odd = patterns.join('').replaceAll(/[A-Za-z0-9_\-.$/~"'@:+&*?]/g, '')[0];
  return odd === undefined ? patterns : `a path with ${JSON.stringify(odd)} cannot be matched by the load balancer`;
}
