import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { taskRequest } from '@nodeless/component-base/task-identity';
import type { ObservedPod } from '@nodeless/virtual-kubelet/providers/provider';
import { describe, expect, it } from 'vitest';
import { fargateProvider } from '../builders/fargate.ts';
import { createEcs } from './rigs/ecs.ts';
import { seededRandom } from './rigs/random.ts';

interface Event {
  readonly detail: Readonly<Record<string, unknown>> & { readonly version: number };
}

/** Events in the form that AWS documents, as they come one after another. */
const folder = join(import.meta.dirname, '..', 'fixtures', 'aws-events');
const stories = Object.fromEntries(
  readdirSync(folder).map((file) => [
    file.replace(/\.json$/, ''),
    (JSON.parse(readFileSync(join(folder, file), 'utf8')) as { events: readonly Event[] }).events,
  ]),
);

const ref = { namespace: 'default', name: 'web', uid: '7d1f0c52-3f65-4f0b-9a0e-5a3c1b2d4e6f' };
const pod = (restartPolicy: string): Pod =>
  ({
    metadata: { ...ref, resourceVersion: '1' },
    spec: {
      nodeName: 'fargate-us-east-1a-amd64-on-demand',
      restartPolicy,
      containers: [{ name: 'app', image: 'busybox' }],
    },
  }) as Pod;

/** What the virtual kubelet makes of these events, told by the dispatcher, in this order. */
async function seen(events: readonly Event[], restartPolicy = 'Never'): Promise<ObservedPod> {
  const clock = createManualClock(Date.parse('2026-11-20T09:05:42Z'));
  const model = createEcs({ clock });
  const provider = fargateProvider(model, clock);
  provider.recall(pod(restartPolicy));
  for (const { detail } of events) {
    const request = taskRequest(detail)!;
    expect([request.namespace, request.name]).toEqual([ref.namespace, ref.name]);
    expect(provider.taskSeen(request.hint)).toMatchObject(ref);
  }
  const observed = await provider.observePod(ref);
  // Everything stood in the events: ECS was not asked.
  expect([...model.calls.keys()]).toEqual([]);
  return observed!;
}

const app = (observed: ObservedPod): unknown => observed.containers.find(({ name }) => name === 'app');

describe('events of ECS', () => {
  const until = (status: string): readonly Event[] => {
    const all = stories['stopped-by-user']!;
    return all.slice(0, all.findIndex(({ detail }) => detail['lastStatus'] === status) + 1);
  };

  it('before the task runs: waiting, and no address before there is one', async () => {
    const provisioning = await seen(until('PROVISIONING'));
    expect(provisioning).toMatchObject({ podIp: '', sandboxReady: false, finished: false });
    expect(app(provisioning)).toMatchObject({ state: { waiting: { reason: 'ContainerCreating' } } });
    expect(await seen(until('PENDING'))).toMatchObject({ podIp: '10.0.1.23', podIps: ['10.0.1.23'] });
  });

  it('while it runs: since when, by the times of ECS', async () => {
    const running = await seen(until('RUNNING'));
    expect(running).toMatchObject({ podIp: '10.0.1.23', sandboxReady: true, startTime: '2026-11-20T09:00:00Z' });
    expect(app(running)).toMatchObject({ state: { running: { startedAt: '2026-11-20T09:00:19Z' } } });
    expect(running.containers).toHaveLength(1);
  });

  const ends: Record<string, object> = {
    'stopped-by-user': { terminated: { exitCode: 143, reason: 'Error' } },
    'essential-container-exited': { terminated: { exitCode: 3, reason: 'Error' } },
    'out-of-memory': { terminated: { exitCode: 137, reason: 'OOMKilled' } },
    'spot-interruption': { terminated: { exitCode: 143, reason: 'Error' } },
    'image-not-found': {
      waiting: { reason: 'ErrImagePull', message: expect.stringContaining('not found') as unknown },
    },
    'no-capacity': { waiting: { reason: 'InsufficientCapacity' } },
  };
  for (const [story, state] of Object.entries(ends)) {
    const events = stories[story]!;
    it(`${story}: what is seen at the end`, async () => {
      expect(app(await seen(events))).toMatchObject({ state });
    });

    it(`${story}: the same with repeats and in any order`, async () => {
      const wanted = await seen(events);
      const random = seededRandom(7);
      for (let round = 0; round < 20; round++) {
        const mixed = [...events, ...events]
          .map((event) => ({ event, at: random() }))
          .sort((a, b) => a.at - b.at)
          .map(({ event }) => event);
        expect(await seen(mixed)).toEqual(wanted);
      }
    });
  }

  it('of a Spot interruption are a disruption already while the task still runs', async () => {
    const events = stories['spot-interruption']!;
    const warned = events.findIndex(({ detail }) => detail['stopCode'] === 'SpotInterruption');
    expect(events[warned]!.detail['lastStatus']).toBe('RUNNING');
    expect((await seen(events.slice(0, warned))).disruption).toBeUndefined();
    expect((await seen(events.slice(0, warned + 1))).disruption).toMatchObject({ reason: 'TerminationByKubelet' });
  });

  it('each have their story told', () => {
    expect(Object.keys(stories).sort()).toEqual(Object.keys(ends).sort());
    for (const events of Object.values(stories)) {
      const versions = events.map(({ detail }) => detail.version);
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    }
  });
});
