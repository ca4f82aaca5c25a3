/** A cluster with real pods and everything that carries Services, on the memory store. */
import { createControlPlane } from '@nodeless/apiserver/control-plane';
import { loadServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import { randomBytes } from 'node:crypto';
import { nodes as nodeType, pods as podType } from '@nodeless/client/resource-types';
import type { Client } from '@nodeless/client/client';
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { apiServerUser, controllerUser, schedulerUser } from '@nodeless/controller-runtime/component-users';
import { createEventRecorder } from '@nodeless/controller-runtime/event-recorder';
import { createSharedInformers } from '@nodeless/controller-runtime/informer-lister';
import { createManager } from '@nodeless/controller-runtime/manager';
import { createControllers } from '@nodeless/controllers/controllers';
import { defaultProfile } from '@nodeless/scheduler/profile';
import { createScheduler } from '@nodeless/scheduler/scheduler';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import { createKubelet } from '@nodeless/virtual-kubelet/kubelet';
import { createDockerProvider, type DockerProvider } from '@nodeless/virtual-kubelet/providers/docker/docker-provider';
import type { Engine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { removeCluster } from '@nodeless/virtual-kubelet/providers/docker/teardown';
import { listen } from '../../local/apiserver-listener.ts';
import {
  createCertificateAuthority,
  createServiceAccountKey,
  issueServingCertificate,
  servingNames,
} from '../../local/certificates.ts';
import { createLocalServices, type LocalServices } from '../../local/services/local-services.ts';

export interface ServiceCluster {
  readonly client: Client;
  readonly provider: DockerProvider;
  readonly services: LocalServices;
  stop(): Promise<void>;
}

const serviceCidr = '10.96.0.0/16';

export async function startServiceCluster(engine: Engine): Promise<ServiceCluster> {
  const clock = systemClock;
  const log = createLogger({ level: 'error' });
  const clusterId = `t${randomBytes(3).toString('hex')}`;
  const store = createMemoryStore({ clock });
  const ca = await createCertificateAuthority('test', clock.now());
  const serving = await issueServingCertificate(
    ca,
    servingNames({ clusterDomain: 'cluster.local', serviceIp: '10.96.0.1', extra: [] }),
    clock.now(),
  );
  const controlPlane = await createControlPlane({
    store,
    clock,
    log,
    issuer: 'https://kubernetes.default.svc.cluster.local',
    serviceAccountKeys: await loadServiceAccountKeys(await createServiceAccountKey()),
    authenticators: [],
    anonymous: true,
  });
  await controlPlane.bootstrap({ serviceCidr });
  const listenOn = (host: string, port: number) =>
    listen({ api: controlPlane.api, tls: { ...serving, clientCa: ca.certificate }, host, port, log }).then((one) => ({
      port: one.address.port,
      close: () => one.close(100),
    }));
  const listener = await listenOn('127.0.0.1', 0);

  const provider = createDockerProvider({
    engine,
    cluster: clusterId,
    clock,
    log,
    onSandbox: (sandbox) => services.onSandbox(sandbox),
  });
  const client = controlPlane.clientFor(apiServerUser, 'kube-apiserver');
  const informers = createSharedInformers(client, { clock, log });
  const services = createLocalServices({
    client,
    informers,
    clusterId,
    serviceCidr,
    engine: provider,
    apiPort: listener.port,
    listenApi: listenOn,
    clock,
    log,
  });
  const manager = createManager({
    controllers: createControllers({
      served: () => controlPlane.resourceTypes,
      rootCertificate: ca.certificate,
      loadBalancers: services.loadBalancers,
    }),
    informers,
    clientFor: (name) => controlPlane.clientFor(controllerUser(name), 'kube-controller-manager'),
    clock,
    log,
  });
  const schedulerClient = controlPlane.clientFor(schedulerUser, 'kube-scheduler');
  const scheduler = createScheduler({
    client: schedulerClient,
    pods: informers.informer(podType),
    nodes: informers.informer(nodeType),
    profile: defaultProfile,
    events: createEventRecorder({ client: schedulerClient, clock, log, component: 'default-scheduler' }),
    clock,
    log,
  });
  await manager.start();
  await scheduler.start();
  await services.start();
  const kubelet = createKubelet({
    provider,
    clientFor: (node) =>
      controlPlane.clientFor(
        { name: `system:node:${node}`, groups: ['system:nodes', 'system:authenticated'] },
        'kubelet',
      ),
    eventsFor: (node, nodeClient) =>
      createEventRecorder({ client: nodeClient, clock, log, component: 'kubelet', instance: node }),
    clock,
    log,
    dns: services.dns(),
    kubeletVersion: 'v1.36.3',
  });
  await kubelet.start();
  return {
    client,
    provider,
    services,
    async stop() {
      await kubelet.stop();
      await services.stop();
      await scheduler.stop();
      await manager.stop();
      await provider.close();
      await removeCluster(engine, clusterId);
      await listener.close();
      controlPlane.close();
      await store.close();
    },
  };
}
