import { X509Certificate } from 'node:crypto';
import type { Event, Node } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Client } from '@nodeless/client/client';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { silentLogger } from '@nodeless/component-base/logger';
import type { ReconcileContext } from '@nodeless/controller-runtime/controller';
import { rulesOf } from '@nodeless/controller-runtime/controller';
import { createFunctionControllers, wakingControllers } from '@nodeless/controllers/function-controllers';
import { amazonRoots } from '@nodeless/controllers/public-roots';
import { describe, expect, it } from 'vitest';

const minute = 60_000;
const controllers = createFunctionControllers({ served: () => [], rootCertificate: 'PEM' });
const named = (name: string) => {
  const found = controllers.find((controller) => controller.name === name);
  if (!found) throw new Error(name);
  return found;
};

function contextOf(objects: readonly unknown[]) {
  const clock = createManualClock();
  const done: string[] = [];
  const note =
    (verb: string) =>
    async (_type: unknown, key: { name: string }, ...more: unknown[]): Promise<void> =>
      void done.push([verb, key.name, ...more.map((one) => JSON.stringify(one))].join(' '));
  const context = {
    client: { patch: note('patch'), delete: note('delete') } as unknown as Client,
    cache: {
      list: async () => objects,
      get: async (_type: unknown, { name }: { name: string }) =>
        (objects as { metadata?: { name?: string } }[]).find(({ metadata }) => metadata?.name === name),
      ownedBy: async () => [],
      onNode: async () => [],
    },
    clock,
    log: silentLogger,
    events: { event: () => {} },
    rulesChanged: () => {},
  } as unknown as ReconcileContext;
  return { clock, context, done };
}

describe('controllers that run as functions', () => {
  it('are those that the dispatcher wakes, and more where there are load balancers', () => {
    const woken = wakingControllers(() => []).map(({ name }) => name);
    expect(woken).toEqual(expect.arrayContaining(controllers.map(({ name }) => name)));
    expect(new Set(woken).size).toBe(woken.length);
    for (const controller of wakingControllers(() => [])) expect(() => rulesOf(controller)).not.toThrow();
  });

  it('remove expired events together, and ask for no timer', async () => {
    const at = (ms: number): string => new Date(ms).toISOString();
    const sweep = named('event-ttl');
    expect(sweep).toMatchObject({ watches: [], resyncMs: 10 * minute });
    const { clock, context, done } = contextOf([]);
    const events: Event[] = [59, 61].map((minutes) => ({
      metadata: { namespace: 'default', name: `e${minutes}`, creationTimestamp: at(clock.now() - minutes * minute) },
      involvedObject: {},
    }));
    (context.cache as { list: unknown }).list = async () => events;
    expect(await sweep.reconcile({ name: '' }, context)).toBeUndefined();
    expect(done).toEqual([expect.stringMatching(/^delete e61 /)]);
  });

  it('find silent nodes by the heartbeats as they are stamped, at every sweep', async () => {
    const lifecycle = named('node-controller');
    expect(lifecycle.resyncMs).toBe(5 * minute);
    const { clock, context, done } = contextOf([]);
    const node = (name: string, minutesAgo: number): Node => ({
      metadata: { name, creationTimestamp: new Date(clock.now() - 3_600_000).toISOString() },
      status: {
        conditions: ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => ({
          type,
          status: type === 'Ready' ? 'True' : 'False',
          lastHeartbeatTime: new Date(clock.now() - minutesAgo * minute).toISOString(),
        })),
      },
    });
    const all = [node('lively', 6), node('silent', 17)];
    Object.assign(context.cache, {
      list: async () => all,
      get: async ({ resource }: { resource: string }, { name }: { name: string }) =>
        resource === 'nodes' ? all.find(({ metadata }) => metadata?.name === name) : undefined,
    });
    expect(await lifecycle.reconcile({ name: '' }, context)).toEqual({});
    expect(done.filter((line) => line.includes('Unknown'))).toEqual([expect.stringMatching(/^patch silent /)]);
    expect(done.some((line) => line.includes('lively'))).toBe(false);
  });
});

describe('what pods trust in AWS', () => {
  it('is the roots of Amazon Trust Services', () => {
    const certificates = amazonRoots().match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const subjects = certificates.map((pem) => /^CN=(.*)$/m.exec(new X509Certificate(pem).subject)?.[1]);
    expect(subjects).toEqual(
      expect.arrayContaining(['Amazon Root CA 1', 'Amazon Root CA 2', 'Amazon Root CA 3', 'Amazon Root CA 4']),
    );
    expect(subjects.length).toBeLessThanOrEqual(5);
  });
});
