/** The local door: one process that is the whole cluster, composed of the same components as in AWS. */
import { createAudit, defaultAuditPolicy } from '@nodeless/apiserver/audit';
import { openAuditFile } from '@nodeless/apiserver/audit-file';
import { createStaticTokens } from '@nodeless/apiserver/authentication/static-token';
import { createControlPlane } from '@nodeless/apiserver/control-plane';
import {
  namespaces as namespaceType,
  nodes as nodeType,
  podDisruptionBudgets as podDisruptionBudgetType,
  pods as podType,
} from '@nodeless/client/resource-types';
import { kubeconfigText } from '@nodeless/client/kubeconfig';
import { type Clock, systemClock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { createEventRecorder } from '@nodeless/controller-runtime/event-recorder';
import { createSharedInformers } from '@nodeless/controller-runtime/informer-lister';
import {
  apiServerUser,
  controllerManagerUser,
  controllerUser,
  schedulerUser,
} from '@nodeless/controller-runtime/component-users';
import { createManager } from '@nodeless/controller-runtime/manager';
import { createControllers } from '@nodeless/controllers/controllers';
import { defaultProfile } from '@nodeless/scheduler/profile';
import { createScheduler } from '@nodeless/scheduler/scheduler';
import { loadServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import { openLevelDbStore } from '@nodeless/store/leveldb/leveldb-store';
import { createKubelet, type Kubelet } from '@nodeless/virtual-kubelet/kubelet';
import { createInProcessConnection } from '@nodeless/virtual-kubelet/kubelet-api/in-process-connection';
import { listen } from './apiserver-listener.ts';
import { servingNames } from './certificates.ts';
import { findRunning, openDataDir, remove, writePrivate } from './data-dir.ts';
import { loadIdentity } from './identity.ts';
import { chooseProvider, type ProviderName } from './providers.ts';
import { createLocalServices, type LocalServices } from './services/local-services.ts';
import { kubernetesVersion } from './version.ts';

export interface ClusterOptions {
  readonly dataDir: string;
  readonly port: number;
  /** Absent: Docker if it answers. */
  readonly provider?: ProviderName;
  /** Number of nodes; default two. */
  readonly nodes?: number;
  /** Group-versions to serve beyond the stable ones: `resource.k8s.io/v1beta1`. */
  readonly runtimeConfig?: ReadonlySet<string>;
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
  /** What of the network does not work on this machine, and why. */
  readonly problems: readonly string[];
  /** Ends everything but the pods; resolves when all is on disk. Idempotent. */
  close(): Promise<void>;
}

const issuer = 'https://kubernetes.default.svc.cluster.local';
const serviceCidr = '10.96.0.0/16';
const serviceIp = '10.96.0.1';
const host = '127.0.0.1';
const closeGraceMs = 2_000;

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { clock = systemClock, log, onProgress = () => {} } = options;
  const running = findRunning(options.dataDir);
  if (running)
    throw new Error(
      `a cluster is running in this folder already (pid ${running.pid}, ${running.server}); stop it with "nodeless down" or choose another --data-dir`,
    );
  const dataDir = openDataDir(options.dataDir);
  const undo: (() => unknown)[] = [];
  const close = once(async () => {
    for (const step of undo.toReversed()) await step();
  });
  // These two are asked only once the cluster runs, and the parts that ask must be made before them.
  let services!: LocalServices;
  let kubelet: Kubelet | undefined;
  try {
    const store = await openLevelDbStore({ path: dataDir.store, clock, log });
    undo.push(() => store.close());
    const names = servingNames({ clusterDomain: 'cluster.local', serviceIp, extra: [] });
    const [identity, { local, reason }] = await Promise.all([
      loadIdentity(dataDir, names, clock.now()),
      chooseProvider({
        wanted: options.provider,
        clusterId: dataDir.clusterId,
        nodes: options.nodes,
        onSandbox: (sandbox) => services.onSandbox(sandbox),
        clock,
        log,
      }),
    ]);
    undo.push(() => local.provider.close());
    const auditFile = await openAuditFile({ path: dataDir.auditLog, log });
    undo.push(() => auditFile.close());

    const controlPlane = await createControlPlane({
      store,
      clock,
      log,
      issuer,
      serviceAccountKeys: await loadServiceAccountKeys(identity.serviceAccountKey),
      authenticators: [
        createStaticTokens(
          [{ token: identity.bootstrapToken, user: 'admin', uid: 'admin', groups: ['system:masters'] }],
          [issuer],
        ),
      ],
      anonymous: true,
      runtimeConfig: options.runtimeConfig,
      audit: createAudit({ policy: defaultAuditPolicy, sink: auditFile, now: () => clock.now() }),
      nodes: createInProcessConnection({ provider: local.provider, view: (name) => kubelet?.view(name) }),
      dialer: { connect: (address, port, signal) => services.dialer.connect(address, port, signal) },
    });
    undo.push(() => controlPlane.close());
    await controlPlane.bootstrap({ serviceCidr });
    const listenOn = (address: string, port: number) =>
      listen({
        api: controlPlane.api,
        tls: { ...identity.serving, clientCa: identity.ca.certificate },
        host: address,
        port,
        log,
      });
    const listener = await listenOn(host, options.port);
    undo.push(() => listener.close(closeGraceMs));
    const url = `https://${host}:${listener.address.port}`;
    const context = `nodeless-${dataDir.clusterId}`;
    writePrivate(
      dataDir.kubeconfig,
      kubeconfigText({
        name: context,
        server: url,
        ca: identity.ca.certificate,
        user: { clientCertificate: identity.admin.certificate, clientKey: identity.admin.key },
      }),
    );
    onProgress(`API server at ${url}`);

    const informers = createSharedInformers(controlPlane.clientFor(controllerManagerUser, 'kube-controller-manager'), {
      clock,
      log,
    });
    services = createLocalServices({
      client: controlPlane.clientFor(apiServerUser, 'kube-apiserver'),
      informers,
      clusterId: dataDir.clusterId,
      serviceCidr,
      engine: local.name === 'docker' ? local.provider : undefined,
      apiPort: listener.address.port,
      listenApi: async (address, port) => {
        const more = await listenOn(address, port);
        return { port: more.address.port, close: () => more.close(closeGraceMs) };
      },
      clock,
      log,
    });
    const manager = createManager({
      controllers: createControllers({
        served: () => controlPlane.resourceTypes,
        rootCertificate: identity.ca.certificate,
        loadBalancers: services.loadBalancers,
      }),
      informers,
      clientFor: (name, actsAs) => controlPlane.clientFor(controllerUser(name, actsAs), 'kube-controller-manager'),
      clock,
      log,
    });
    const schedulerClient = controlPlane.clientFor(schedulerUser, 'kube-scheduler');
    const scheduler = createScheduler({
      client: schedulerClient,
      pods: informers.informer(podType),
      nodes: informers.informer(nodeType),
      namespaces: informers.informer(namespaceType),
      budgets: informers.informer(podDisruptionBudgetType),
      profile: defaultProfile,
      events: createEventRecorder({ client: schedulerClient, clock, log, component: 'default-scheduler' }),
      clock,
      log,
    });
    undo.push(() => manager.stop());
    await manager.start();
    undo.push(() => scheduler.stop());
    await scheduler.start();
    onProgress('controllers and scheduler');
    undo.push(() => services.stop());
    await services.start();
    kubelet = createKubelet({
      provider: local.provider,
      clientFor: (node) =>
        controlPlane.clientFor(
          { name: `system:node:${node}`, groups: ['system:nodes', 'system:authenticated'] },
          'kubelet',
        ),
      eventsFor: (node, client) => createEventRecorder({ client, clock, log, component: 'kubelet', instance: node }),
      clock,
      log,
      dns: services.dns(),
      kubeletVersion: kubernetesVersion,
    });
    undo.push(() => kubelet?.stop());
    await kubelet.start();
    const count = kubelet.nodes().length;
    onProgress(`${count} ${count === 1 ? 'node' : 'nodes'} (${local.name})`);

    writePrivate(
      dataDir.running,
      JSON.stringify({
        pid: process.pid,
        server: url,
        provider: local.name,
        startedAt: new Date(clock.now()).toISOString(),
      }),
    );
    undo.push(() => remove(dataDir.running));
    return {
      url,
      kubeconfig: dataDir.kubeconfig,
      token: identity.bootstrapToken,
      tokenFile: `${dataDir.pki}/token`,
      ca: `${dataDir.pki}/ca.crt`,
      provider: local.name,
      providerReason: reason,
      problems: services.problems(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
