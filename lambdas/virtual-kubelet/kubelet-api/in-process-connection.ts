import { Readable } from 'node:stream';
import type { ContainerStatus, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { ApiError, badRequest, internalError, serviceUnavailable } from '@nodeless/apimachinery/status';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import type { NodeConnection } from '../node-connection.ts';
import {
  type LogOptions,
  type PodExec,
  type PodLogs,
  type PodMetrics,
  type PodPortForward,
  type PodProvider,
  type PodRecords,
  type PodRef,
  ProviderError,
} from '../providers/provider.ts';
import { answerKubeletRequest, type KubeletView } from './kubelet-endpoints.ts';

export type ConnectedProvider = PodProvider & Partial<PodLogs & PodExec & PodPortForward & PodMetrics & PodRecords>;

/** How the API server, in the same process, reaches the kubelet of a node. Errors carry the kubelet's texts. */
export function createInProcessConnection(deps: {
  readonly view: (nodeName: string) => KubeletView | undefined;
  readonly provider: ConnectedProvider;
}): NodeConnection {
  const { view, provider } = deps;

  const podOn = (nodeName: string, ref: PodRef): Pod => {
    const node = view(nodeName);
    if (!node) throw serviceUnavailable(`node ${quoteGo(nodeName)} is not reachable`);
    const pod = node.find(ref.namespace, ref.name);
    if (!pod || (ref.uid !== '' && pod.metadata?.uid !== ref.uid))
      throw new ApiError({
        code: 404,
        reason: 'NotFound',
        message: `pod ${quoteGo(ref.name)} cannot be found - no logs available`,
      });
    return pod;
  };
  const exact = (pod: Pod): PodRef => ({
    namespace: pod.metadata?.namespace ?? '',
    name: pod.metadata?.name ?? '',
    uid: pod.metadata?.uid ?? '',
  });
  const unsupported = (what: string): ApiError =>
    new ApiError({
      code: 501,
      reason: 'NotImplemented',
      message: `${what} is not supported by the ${provider.name} pod provider`,
    });

  /** A running container is there to be entered; the words are those that kubectl users know. */
  const mustRun = (pod: Pod, container: string): void => {
    if (!statusOf(pod, container)?.state?.running)
      throw new ApiError({ code: 404, reason: 'NotFound', message: `container not found (${quoteGo(container)})` });
  };

  return {
    async logs(nodeName, ref, options) {
      const pod = podOn(nodeName, ref);
      provider.recall?.(pod);
      checkLogs(pod, options);
      if (!provider.openLogs) throw unsupported('reading logs');
      const open = provider.openLogs;
      return translated(() => open(exact(pod), options));
    },
    async exec(nodeName, ref, container, command, io) {
      const pod = podOn(nodeName, ref);
      mustRun(pod, container);
      if (!provider.exec) throw unsupported('exec');
      const run = provider.exec;
      return translated(() => run(exact(pod), container, command, io));
    },
    async attach(nodeName, ref, container, io) {
      const pod = podOn(nodeName, ref);
      mustRun(pod, container);
      if (!provider.attach) throw unsupported('attach');
      const attach = provider.attach;
      return translated(() => attach(exact(pod), container, io));
    },
    async portForward(nodeName, ref, port) {
      const pod = podOn(nodeName, ref);
      if (!provider.portForward) throw unsupported('port-forward');
      const forward = provider.portForward;
      return translated(() => forward(exact(pod), port));
    },
    async proxy(nodeName, request) {
      const node = view(nodeName);
      if (!node) throw serviceUnavailable(`node ${quoteGo(nodeName)} is not reachable`);
      const answer = await answerKubeletRequest(node, provider, request);
      return {
        ...answer,
        body: typeof answer.body === 'string' ? Readable.from([Buffer.from(answer.body)]) : answer.body,
      };
    },
  };
}

function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    (s) => s.name === container,
  );
}

/** Refuses, in the kubelet's words, logs of a container that has none yet. */
function checkLogs(pod: Pod, { container, previous }: LogOptions): void {
  const name = quoteGo(container);
  const where = `container ${name} in pod ${quoteGo(pod.metadata?.name ?? '')}`;
  const status = statusOf(pod, container);
  if (!status) throw badRequest(`${where} is not available`);
  const { state, lastState } = status;
  if (previous) {
    if (!lastState?.terminated?.containerID) throw badRequest(`previous terminated ${where} not found`);
    return;
  }
  if (state?.running) return;
  if (
    state?.terminated
      ? (state.terminated.containerID ?? lastState?.terminated?.containerID)
      : lastState?.terminated?.containerID
  )
    return;
  if (state?.terminated ?? lastState?.terminated) throw badRequest(`${where} is terminated`);
  const reason = state?.waiting?.reason;
  if (reason === 'ErrImagePull') throw badRequest(`${where} is waiting to start: image can't be pulled`);
  if (reason === 'ImagePullBackOff') throw badRequest(`${where} is waiting to start: trying and failing to pull image`);
  throw badRequest(
    state?.waiting ? `${where} is waiting to start: ${reason ?? ''}` : `${where} is waiting to start - no logs yet`,
  );
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    if (error.code === 'not-found')
      throw new ApiError({ code: 404, reason: 'NotFound', message: error.message }, { cause: error });
    if (error.code === 'invalid')
      throw new ApiError({ code: 400, reason: 'BadRequest', message: error.message }, { cause: error });
    throw error.code === 'unavailable' ? serviceUnavailable(error.message) : internalError(error);
  }
}
