/** The local door: one process that is the whole cluster, composed of the same components as in AWS. */
import { createAudit, defaultAuditPolicy } from '@nodeless/apiserver/audit';
import { openAuditFile } from '@nodeless/apiserver/audit-file';
import { nodes as nodeType, pods as podType } from '@nodeless/client/resource-types';
import { kubeconfigText } from '@nodeless/client/kubeconfig';
import { type Clock, systemClock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { createEventRecorder } from '@nodeless/controller-runtime/event-recorder';
import { createSharedInformers } from '@nodeless/controller-runtime/informer-lister';
import { createManager } from '@nodeless/controller-runtime/manager';
import { createControllers } from '@nodeless/controllers/controllers';
import { defaultProfile } from '@nodeless/scheduler/profile';
import { createScheduler } from '@nodeless/scheduler/scheduler';
import { openLevelDbStore } from '@nodeless/store/leveldb/leveldb-store';
import { createKubelet } from '@nodeless/virtual-kubelet/kubelet';
import { listen } from './apiserver-listener.ts';
import { servingNames } from './certificates.ts';
import { administrator, createControlPlane } from './control-plane.ts';
import { findRunning, openDataDir, remove, writePrivate } from './data-dir.ts';
import { loadIdentity } from './identity.ts';
import { chooseProvider, type ProviderName } from './providers.ts';
import { kubernetesVersion } from './version.ts';

export interface ClusterOptions {
  readonly dataDir: string;
  readonly port: number;
  /** Absent: Docker if it answers. */
  readonly provider?: ProviderName;
  /** Number of nodes; default two. */
  readonly nodes?: number;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Called as each part is ready. */
  readonly onProgress?: (step: string) => void;
}

export interface Cluster {
  readonly url: string;
  readonly kubeconfig: string;
  readonly token: string;
  readonly tokenFile: string;
  readonly ca: string;
  readonly provider: ProviderName;
  /** Why pods are only simulated, where nobody asked for it. */
  readonly providerReason: string | undefined;
  /** Ends everything but the pods; resolves when all is on disk. Idempotent. */
  close(): Promise<void>;
}

const serviceCidr = '10.96.0.0/16';
const serviceIp = '10.96.0.1';
const host = '127.0.0.1';
const closeGraceMs = 2_000;

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { clock = systemClock, log, onProgress = () => {} } = options;
  const running = findRunning(options.dataDir);
  if (running) throw new Error(`a cluster is running in this folder already (pid ${running.pid}, ${running.server}); stop it with "nodeless down" or choose another --data-dir`);
  const dataDir = openDataDir(options.dataDir);
  const undo: (() => unknown)[] = [];
  const close = once(async () => {
    for (const step of undo.toReversed()) await step();
  });
  try {
    const store = await openLevelDbStore({ path: dataDir.store, clock, log });
    undo.push(() => store.close());
    const names = servingNames({ clusterDomain: 'cluster.local', serviceIp, extra: [] });
    const identity = await loadIdentity(dataDir, names, clock.now());
    const { local, reason } = await chooseProvider({ wanted: options.provider, clusterId: dataDir.clusterId, nodes: options.nodes, clock, log });
    undo.push(() => local.provider.close());
    const auditFile = await openAuditFile({ path: dataDir.auditLog, log });
    undo.push(() => auditFile.close());

    const controlPlane = await createControlPlane({
      store,
      clock,
      log,
      serviceCidr,
      bootstrapToken: identity.bootstrapToken,
      serviceAccountKey: identity.serviceAccountKey,
      audit: createAudit({ policy: defaultAuditPolicy, sink: auditFile, now: () => clock.now() }),
    });
    undo.push(() => controlPlane.close());
    const listener = await listen({ api: controlPlane.api, tls: { ...identity.serving, clientCa: identity.ca.certificate }, host, port: options.port, log });
    undo.push(() => listener.close(closeGraceMs));
    const url = `https://${host}:${listener.address.port}`;
    const context = `nodeless-${dataDir.clusterId}`;
    writePrivate(dataDir.kubeconfig, kubeconfigText({ name: context, server: url, ca: identity.ca.certificate, user: { clientCertificate: identity.admin.certificate, clientKey: identity.admin.key } }));
    onProgress(`API server at ${url}`);

    const account = (name: string) => ({ name: `system:serviceaccount:kube-system:${name}`, groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'] });
    const informers = createSharedInformers(controlPlane.clientFor(administrator, 'kube-controller-manager'), { clock, log });
    const manager = createManager({
      controllers: createControllers({ collected: controlPlane.resourceTypes, namespaced: () => controlPlane.resourceTypes.filter((type) => type.namespaced), rootCertificate: identity.ca.certificate }),
      informers,
      clientFor: (name, actsAs) => controlPlane.clientFor(actsAs === 'apiserver' ? administrator : account(name), 'kube-controller-manager'),
      clock,
      log,
    });
    const schedulerClient = controlPlane.clientFor({ name: 'system:kube-scheduler', groups: ['system:authenticated'] }, 'kube-scheduler');
    const scheduler = createScheduler({
      client: schedulerClient,
      pods: informers.informer(podType),
      nodes: informers.informer(nodeType),
      profile: defaultProfile,
      events: createEventRecorder({ client: schedulerClient, clock, log, component: 'default-scheduler' }),
      clock,
      log,
    });
    const kubelet = createKubelet({
      provider: local.provider,
      clientFor: (node) => controlPlane.clientFor({ name: `system:node:${node}`, groups: ['system:nodes', 'system:authenticated'] }, 'kubelet'),
      eventsFor: (node, client) => createEventRecorder({ client, clock, log, component: 'kubelet', instance: node }),
      clock,
      log,
      dns: { nameservers: [], domain: 'cluster.local', node: { nameservers: [], searches: [], options: [] } },
      kubeletVersion: kubernetesVersion,
    });
    undo.push(() => manager.stop());
    await manager.start();
    undo.push(() => scheduler.stop());
    await scheduler.start();
    onProgress('controllers and scheduler');
    undo.push(() => kubelet.stop());
    await kubelet.start();
    onProgress(`${kubelet.nodes().length} nodes (${local.name})`);

    writePrivate(dataDir.running, JSON.stringify({ pid: process.pid, server: url, provider: local.name, startedAt: new Date(clock.now()).toISOString() }));
    undo.push(() => remove(dataDir.running));
    return { url, kubeconfig: dataDir.kubeconfig, token: identity.bootstrapToken, tokenFile: `${dataDir.pki}/token`, ca: `${dataDir.pki}/ca.crt`, provider: local.name, providerReason: reason, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
