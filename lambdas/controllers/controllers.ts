/** The list of controllers: what runs, wherever it runs. A new controller is a file and a line here. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type ResourceType, resourceType } from '@nodeless/client/client';
import type { Controller } from '@nodeless/controller-runtime/controller';
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts';
import { customResourceDefinitionController } from './custom-resource-definition.ts';
import { cronJobController } from './cron-job/cron-job.ts';
import { createDaemonSetController } from './daemon-set/daemon-set.ts';
import { deploymentController } from './deployment/deployment.ts';
import { disruptionController } from './disruption.ts';
import { endpointSliceController } from './endpoints/endpoint-slice.ts';
import { endpointSliceMirroringController } from './endpoints/endpoint-slice-mirroring.ts';
import { endpointsController } from './endpoints/endpoints.ts';
import { createEventSweep, eventExpiryController } from './event-expiry.ts';
import { flowSchemaController } from './flow-schema.ts';
import { createGarbageCollector } from './garbage-collector.ts';
import { createHorizontalPodAutoscalerController } from './horizontal-pod-autoscaler.ts';
import { jobController } from './job/job.ts';
import type { LoadBalancerProvider } from './load-balancers/load-balancer.ts';
import { createNamespaceController } from './namespace.ts';
import { type NodeLifecycleOptions, createNodeLifecycleController } from './node-lifecycle.ts';
import { createPodGarbageCollector } from './pod-garbage-collector.ts';
import { replicaSetController } from './replica-set.ts';
import { replicationControllerController } from './replication-controller.ts';
import { createResourceQuotaController } from './resource-quota.ts';
import { createServiceController } from './service.ts';
import { createRootCertificateController, serviceAccountController } from './service-account.ts';
import { remembered } from './served-types.ts';
import { statefulSetController } from './stateful-set/stateful-set.ts';
import {
  claimProtectionController,
  classProtectionController,
  volumeProtectionController,
} from './storage-protection.ts';
import { ttlAfterFinishedController } from './ttl-after-finished.ts';

export interface ControllersOptions {
  /**
   * Served resources that can be listed, watched and deleted, one version each; asked again when definitions of custom ones
   * come and go, and the same array until then. Events are left out: nobody owns them.
   */
  readonly served: () => readonly ResourceType<UnknownObject>[];
  /** PEM of the cluster's CA, published to every namespace. */
  readonly rootCertificate: string;
  /** What gives Services of type LoadBalancer their address; absent = nobody does. */
  readonly loadBalancers?: LoadBalancerProvider;
  readonly nodes?: NodeLifecycleOptions;
  /** Expired events go together, every so many milliseconds, and not each at its time. */
  readonly eventSweepMs?: number;
}

const allEvents = resourceType<UnknownObject>('', 'v1', 'events', 'Event');

export function createControllers(options: ControllersOptions): readonly Controller[] {
  const { served } = options;
  const namespaced = remembered(served, (types) => types.filter((type) => type.namespaced));
  return [
    deploymentController,
    replicaSetController,
    replicationControllerController,
    statefulSetController,
    createDaemonSetController(),
    jobController,
    cronJobController,
    ttlAfterFinishedController,
    createHorizontalPodAutoscalerController(served),
    endpointsController,
    endpointSliceController,
    endpointSliceMirroringController,
    ...(options.loadBalancers ? [createServiceController(options.loadBalancers)] : []),
    createNamespaceController(() => [...namespaced(), allEvents]),
    serviceAccountController,
    createRootCertificateController(options.rootCertificate),
    createGarbageCollector(served),
    disruptionController,
    createResourceQuotaController(namespaced),
    createNodeLifecycleController(options.nodes),
    createPodGarbageCollector(),
    claimProtectionController,
    volumeProtectionController,
    classProtectionController,
    flowSchemaController,
    clusterRoleAggregationController,
    options.eventSweepMs === undefined ? eventExpiryController : createEventSweep(options.eventSweepMs),
    customResourceDefinitionController,
  ];
}
