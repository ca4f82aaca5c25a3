/** A kubelet over simulated nodes and a registry in memory. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { nodes, pods } from '@nodeless/client/resource-types';
import { createLogger, silentLogger } from '@nodeless/component-base/logger';
import { createEventRecorder } from '@nodeless/controller-runtime/event-recorder';
import { createKubelet } from '@nodeless/virtual-kubelet/kubelet';
import type { PodProvider } from '@nodeless/virtual-kubelet/providers/provider';
import {
  createSimulatedProvider,
  type SimulatedProviderOptions,
} from '@nodeless/virtual-kubelet/providers/simulated/simulated-provider';
import { lease } from '@nodeless/registry/resources/coordination/lease';
import { configMap } from '@nodeless/registry/resources/core/config-map';
import { event } from '@nodeless/registry/resources/core/event';
import { namespace } from '@nodeless/registry/resources/core/namespace';
import { node } from '@nodeless/registry/resources/core/node';
import { pod } from '@nodeless/registry/resources/core/pod';
import { secret } from '@nodeless/registry/resources/core/secret';
import { createServiceKind } from '@nodeless/registry/resources/core/service';
import { createHarness } from '../registry/harness.ts';

export async function createKubeletHarness(
  options: { simulated?: Partial<SimulatedProviderOptions>; provider?: PodProvider } = {},
) {
  const { client, clock, registry } = createHarness({
    kinds: [pod, node, lease, configMap, secret, event, namespace, createServiceKind()],
  });
  for (const name of ['default', 'kube-node-lease', 'kube-system']) {
    await client.create(
      { group: '', version: 'v1', resource: 'namespaces', kind: 'Namespace', namespaced: false },
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    );
  }
  const simulated = createSimulatedProvider({ clock, events: false, ...options.simulated });
  const provider = options.provider ?? simulated;
  const kubelet = createKubelet({
    provider,
    clientFor: () => client,
    eventsFor: (node) =>
      createEventRecorder({ client, clock, log: silentLogger, component: 'kubelet', instance: node }),
    clock,
    log: process.env['KUBELET_LOG'] ? createLogger({ level: 'debug' }) : silentLogger,
    dns: {
      nameservers: ['10.96.0.10'],
      domain: 'cluster.local',
      node: { nameservers: ['127.0.0.11'], searches: [], options: [] },
    },
    kubeletVersion: 'v1.36.3',
  });
  const getPod = (name: string): Promise<Pod> => client.get(pods, { namespace: 'default', name });
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await clock.advance(1);
  };
  const start = async (): Promise<void> => {
    let done = false;
    const started = kubelet.start().finally(() => (done = true));
    for (let i = 0; i < 200 && !done; i++) await clock.advance(50);
    await started;
  };
  return {
    start,
    client,
    clock,
    registry,
    simulated,
    provider,
    kubelet,
    getPod,
    settle,
    getNode: (name: string) => client.get(nodes, { name }),
  };
}

/** A pod that is bound to a node already, as the scheduler leaves it. */
export function boundPod(
  name: string,
  overrides: {
    annotations?: Record<string, string>;
    spec?: Partial<Pod['spec'] & object>;
    node?: string;
    labels?: Record<string, string>;
  } = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: overrides.labels ?? {}, annotations: overrides.annotations ?? {} },
    spec: { nodeName: overrides.node ?? 'node-1', containers: [{ name: 'app', image: 'img:1' }], ...overrides.spec },
  };
}
