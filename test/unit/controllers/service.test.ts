import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { notFound } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import { services } from '@nodeless/client/resource-types';
import { silentLogger } from '@nodeless/component-base/logger';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import type { ReconcileContext } from '@nodeless/controller-runtime/controller';
import {
  type LoadBalancerModel,
  type LoadBalancerOwner,
  LoadBalancerProblem,
  type LoadBalancerProvider,
  type LoadBalancerState,
} from '@nodeless/controllers/load-balancers/load-balancer';
import { cleanupFinalizer, createServiceController } from '@nodeless/controllers/service';
import { describe, expect, it } from 'vitest';
import { aService } from '../../builders/objects.ts';

const ingress = [{ ip: '127.70.0.1', ipMode: 'Proxy' }];

/** A provider that notes what it is asked, and a cluster of one Service. */
function set(
  service: Service | undefined,
  answer: Partial<LoadBalancerState> | Error = {},
  more: Partial<LoadBalancerProvider> = {},
) {
  const asked: string[] = [];
  const written: unknown[] = [];
  const told: string[] = [];
  const owners: LoadBalancerOwner[] = [{ namespace: 'default', name: 'gone', uid: '1' }];
  const provider: LoadBalancerProvider = {
    name: 'fake',
    loadBalancerClass: 'nodeless.dev/local',
    async ensure({ owner }: LoadBalancerModel) {
      asked.push(`ensure ${owner.name}`);
      if (answer instanceof Error) throw answer;
      return { ingress, elsewhere: '', notices: [], ...answer };
    },
    async remove({ name }) {
      asked.push(`remove ${name}`);
    },
    list: async () => owners,
    ...more,
  };
  const client = {
    async patch(
      type: { resource: string },
      key: { name: string },
      patchType: string,
      body: unknown,
      options: { subresource?: string },
    ) {
      expect([type.resource, patchType, options.subresource]).toEqual(['services', 'merge', 'status']);
      written.push(body);
      return { key };
    },
  } as unknown as Client;
  const context = {
    client,
    cache: {
      get: (type: unknown) => (type === services ? service : undefined),
      list: (type: unknown) => (type === services && service ? [service] : []),
    },
    clock: createManualClock(),
    log: silentLogger,
    events: {
      event: (_about: KubernetesObject, type: string, reason: string, message: string) =>
        told.push(`${type} ${reason} ${message}`),
    },
  } as unknown as ReconcileContext;
  const controller = createServiceController(provider);
  return {
    asked,
    written,
    told,
    client,
    reconcile: (name = service?.metadata?.name ?? '') => controller.reconcile({ namespace: 'default', name }, context),
  };
}

const lb = (spec: Service['spec'] = {}, metadata: Service['metadata'] = {}, status?: Service['status']): Service => {
  const service = aService('web', { type: 'LoadBalancer', ...spec });
  return { ...service, metadata: { ...service.metadata, resourceVersion: '5', ...metadata }, status };
};
const ours = { finalizers: [cleanupFinalizer] };

describe('the service controller', () => {
  it('gives a Service its address, its finalizer first', async () => {
    const { asked, written, told, reconcile } = set(lb());
    await reconcile();
    expect(asked).toEqual(['ensure web']);
    expect(written).toEqual([
      { metadata: { finalizers: [cleanupFinalizer], resourceVersion: '5' } },
      { status: { loadBalancer: { ingress } } },
    ]);
    expect(told).toEqual([
      'Normal EnsuringLoadBalancer Ensuring load balancer',
      'Normal EnsuredLoadBalancer Ensured load balancer',
    ]);
  });

  it('writes and tells nothing where nothing changed', async () => {
    const { asked, written, told, reconcile } = set(lb({}, ours, { loadBalancer: { ingress } }));
    await reconcile();
    expect([asked, written, told]).toEqual([['ensure web'], [], []]);
  });

  it('passes on where ports answer instead, and what there is to say', async () => {
    const { written, told, reconcile } = set(lb({}, ours, { loadBalancer: { ingress } }), {
      elsewhere: '80=127.70.0.1:10080',
      notices: [{ type: 'Warning', reason: 'PortUnavailable', message: 'see there' }],
    });
    await reconcile();
    expect(written).toEqual([
      {
        metadata: { annotations: { 'nodeless.dev/load-balancer-elsewhere': '80=127.70.0.1:10080' } },
        status: { loadBalancer: { ingress } },
      },
    ]);
    expect(told[0]).toBe('Warning PortUnavailable see there');
  });

  it('waits for an address as long as the provider says', async () => {
    const { written, reconcile } = set(lb({}, ours), { ingress: [], retryAfterMs: 500 });
    expect(await reconcile()).toEqual({ requeueAfterMs: 500 });
    expect(written).toEqual([]);
  });

  it('says what went wrong, and is tried again', async () => {
    const { told, reconcile } = set(lb({}, ours), new Error('no address is free'));
    await expect(reconcile()).rejects.toThrow('no address is free');
    expect(told).toEqual(['Warning SyncLoadBalancerFailed Error syncing load balancer: no address is free']);
  });

  it.each<[string, Service]>([
    ['deleted', lb({}, { ...ours, deletionTimestamp: '2030-01-01T00:00:00Z' })],
    ['of another type', lb({ type: 'ClusterIP' }, ours)],
  ])('takes the address back from a Service that is %s', async (_what, service) => {
    const { asked, written, told, reconcile } = set(service);
    await reconcile();
    expect(asked).toEqual(['remove web']);
    expect(written).toEqual([{ metadata: { finalizers: [], resourceVersion: '5' } }]);
    expect(told).toEqual([
      'Normal DeletingLoadBalancer Deleting load balancer',
      'Normal DeletedLoadBalancer Deleted load balancer',
    ]);
  });

  it('empties the status of one that lives on', async () => {
    const { written, reconcile } = set(
      lb(
        { type: 'ClusterIP' },
        { finalizers: ['other', cleanupFinalizer], annotations: { 'nodeless.dev/load-balancer-elsewhere': 'x' } },
        { loadBalancer: { ingress } },
      ),
    );
    await reconcile();
    expect(written).toEqual([
      {
        metadata: {
          finalizers: ['other'],
          resourceVersion: '5',
          annotations: { 'nodeless.dev/load-balancer-elsewhere': null },
        },
        status: { loadBalancer: { ingress: null } },
      },
    ]);
  });

  it('does not mind that a Service has gone with its last finalizer', async () => {
    const { client, asked, reconcile } = set(lb({}, { ...ours, deletionTimestamp: '2030-01-01T00:00:00Z' }));
    client.patch = () => Promise.reject(notFound({ group: '', resource: 'services' }, 'web'));
    await reconcile();
    expect(asked).toEqual(['remove web']);
  });

  it('leaves Services of other classes and types alone', async () => {
    for (const service of [
      lb({ loadBalancerClass: 'example.com/lb' }, ours),
      lb({ type: 'ClusterIP' }),
      lb({ type: 'NodePort' }),
    ]) {
      const { asked, written, told, reconcile } = set(service);
      await reconcile();
      expect([asked, written, told]).toEqual([[], [], []]);
    }
  });

  it('tells of a cause outside of the cluster by its name, and looks again after a while', async () => {
    const problem = new LoadBalancerProblem('LoadBalancerQuotaExceeded', 'no room', { retryAfterMs: 5000 });
    const { told, reconcile } = set(lb({}, ours), problem);
    expect(await reconcile()).toEqual({ requeueAfterMs: 5000 });
    expect(told).toEqual(['Warning LoadBalancerQuotaExceeded Error syncing load balancer: no room']);
  });

  const going = lb({}, { ...ours, deletionTimestamp: '2030-01-01T00:00:00Z' });
  it('keeps the finalizer until everything is gone', async () => {
    const { written, reconcile } = set(going, {}, { remove: async () => ({ retryAfterMs: 700 }) });
    expect(await reconcile()).toEqual({ requeueAfterMs: 700 });
    expect(written).toEqual([]);
  });

  it('keeps the finalizer where nothing can be removed, and says why', async () => {
    const remove = () => Promise.reject(new LoadBalancerProblem('OperationNotPermitted', 'protected'));
    const { written, told, reconcile } = set(going, {}, { remove });
    expect(await reconcile()).toEqual({ requeueAfterMs: 60_000 });
    expect(written).toEqual([]);
    expect(told.at(-1)).toBe('Warning OperationNotPermitted Error deleting load balancer: protected');
  });

  it('serves other classes that its provider serves', async () => {
    const { asked, reconcile } = set(lb({ loadBalancerClass: 'other' }, ours), {}, { alsoServes: ['other'] });
    await reconcile();
    expect(asked).toEqual(['ensure web']);
  });

  it('looks at everything again from time to time, and removes what has no Service any more', async () => {
    const { asked, reconcile } = set(lb({}, ours, { loadBalancer: { ingress } }), {}, { resyncMs: 1000 });
    await reconcile('');
    expect(asked).toEqual(['ensure web', 'remove gone']);
  });

  it('does not ask what a Service left where asking is dear', async () => {
    const { asked, reconcile } = set(undefined, {}, { resyncMs: 1000 });
    await reconcile('gone');
    expect(asked).toEqual([]);
  });

  it('removes what a Service left that went without it', async () => {
    const { asked, reconcile } = set(undefined);
    await reconcile('gone');
    await reconcile('other');
    expect(asked).toEqual(['remove gone']);
  });
});
