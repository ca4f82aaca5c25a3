import type {
  Container,
  Pod,
  ResourceFieldSelector,
  ObjectFieldSelector,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import { podIpMarker, podIpsMarker } from './late-binding.ts';
import { milliValue, wholeValue } from './quantities.ts';

export interface NodeFacts {
  readonly hostIps: readonly string[];
  /** Stands in for a limit that a container does not set. */
  readonly allocatable: Readonly<Record<string, string | number>>;
}

/** The value of a fieldRef. Throws the kubelet's error for a path that is not served. */
export function podFieldValue(selector: ObjectFieldSelector, pod: Pod, node: NodeFacts): string {
  const path = selector.fieldPath;
  const metadata = pod.metadata ?? {};
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return formatMap(metadata.labels);
    case 'metadata.annotations':
      return formatMap(metadata.annotations);
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return node.hostIps[0] ?? '';
    case 'status.hostIPs':
      return node.hostIps.join(',');
    case 'status.podIP':
      return podIpMarker;
    case 'status.podIPs':
      return podIpsMarker;
    default: {
      const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
      const from = subscript?.[1] === 'labels' ? metadata.labels : metadata.annotations;
      const key = subscript?.[2];
      if (key === undefined) throw new Error(`unsupported fieldPath: ${path}`);
      return from && Object.hasOwn(from, key) ? (from[key] ?? '') : '';
    }
  }
}

/** One `key="value"` a line, keys in order: the files of metadata.labels and metadata.annotations. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${quoteGo(map?.[key] ?? '')}`)
    .join('\n');
}

/** The value of a resourceFieldRef: the resource in units of the divisor, rounded up; a missing limit is the node's. */
export function resourceFieldValue(
  selector: ResourceFieldSelector,
  pod: Pod,
  container: Container | undefined,
  node: NodeFacts,
): string {
  const of = selector.containerName ? findContainer(pod, selector.containerName) : container;
  if (!of) throw new Error(`container ${selector.containerName ?? ''} not found`);
  const [side, resource] = splitOnce(selector.resource);
  if (resource === undefined || (side !== 'limits' && side !== 'requests'))
    throw new Error(`unsupported container resource : ${selector.resource}`);
  const set = side === 'limits' ? of.resources?.limits : of.resources?.requests;
  const quantity =
    set?.[resource] ??
    (side === 'limits' && (resource === 'cpu' || resource === 'memory' || resource === 'ephemeral-storage')
      ? node.allocatable[resource]
      : undefined);
  const divisor = selector.divisor === undefined || milliValue(selector.divisor) === 0 ? '1' : selector.divisor;
  if (resource === 'cpu') return String(Math.ceil(milliValue(quantity) / milliValue(divisor)));
  return String(Math.ceil(wholeValue(quantity) / wholeValue(divisor)));
}

function findContainer(pod: Pod, name: string): Container | undefined {
  return pod.spec?.containers.find((c) => c.name === name) ?? pod.spec?.initContainers?.find((c) => c.name === name);
}

function splitOnce(text: string): [string, string | undefined] {
  const dot = text.indexOf('.');
  return dot === -1 ? [text, undefined] : [text.slice(0, dot), text.slice(dot + 1)];
}
