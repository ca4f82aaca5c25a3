/** Which container of which pod a request is about, in upstream's words when it is none. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { badRequest } from '@nodeless/apimachinery/status';
import type { PodRef } from '@nodeless/client/node-connection';

export function podRef(pod: Readonly<Pod>): PodRef {
  const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
  return { namespace, name, uid };
}

/** The container asked for, or the only one. Errors: 400. */
export function containerOf(pod: Readonly<Pod>, asked: string): string {
  const name = pod.metadata?.name ?? '';
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  if (asked !== '') {
    if ([...containers, ...initContainers, ...ephemeralContainers].some((c) => c.name === asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  if (containers.length === 1) return containers[0]?.name ?? '';
  if (containers.length === 0) throw badRequest(`a container name must be specified for pod ${name}`);
  const names = (list: readonly { name: string }[]): string => `[${list.map((c) => c.name).join(' ')}]`;
  const init = initContainers.length === 0 ? '' : ` or one of the init containers: ${names(initContainers)}`;
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: ${names(containers)}${init}`);
}

/** Errors: 400 for a pod that no node has. */
export function nodeOf(pod: Readonly<Pod>): string {
  const node = pod.spec?.nodeName ?? '';
  if (node === '') throw badRequest(`pod ${pod.metadata?.name ?? ''} does not have a host assigned`);
  return node;
}
