import type { Pod, PodCondition } from '@nodeless/apimachinery/generated/types/core/v1';
import type { BackendGroup, TargetHealth } from '@nodeless/controllers/load-balancers/backend-health';
import { gatedServices, waitsForHealthOnly } from '@nodeless/apimachinery/target-health';
import { type Exposure, planTargetReadiness } from '@nodeless/controllers/target-readiness';
import { describe, expect, it } from 'vitest';
import { aPod } from '../../builders/objects.ts';

const now = Date.UTC(2030, 0, 1);
const gate = 'target-health.nodeless.dev/web';
const condition = (type: string, status: string): PodCondition => ({ type, status });
const pod = (
  conditions: PodCondition[] = [condition('ContainersReady', 'True')],
  more: Pod['metadata'] = {},
  gates = [gate],
): Pod =>
  aPod('p', {
    metadata: more,
    spec: { readinessGates: gates.map((conditionType) => ({ conditionType })) },
    status: { phase: 'Running', podIP: '10.0.0.1', conditions },
  });
const group = (health: TargetHealth | undefined, checked = true): BackendGroup => ({
  checked,
  targets: new Map(health ? [['10.0.0.1', { health, reason: `Elb.${health}`, message: 'm' }]] : []),
});
const served = (...groups: BackendGroup[]): Exposure => ({ served: true, groups });

function plan(one: Pod, exposure: Exposure) {
  const { actions, pending } = planTargetReadiness(
    [one],
    new Map([
      ['web', exposure],
      ['api', exposure],
    ]),
    now,
  );
  const written = actions.flatMap((action) =>
    action.do === 'patch' ? (action.patch as { status: { conditions: PodCondition[] } }).status.conditions : [],
  );
  return { written: written.map(({ type, status, reason }) => `${type.split('/')[1]} ${status} ${reason}`), pending };
}

describe('gates by target health', () => {
  it.each<[string, Pod, Exposure, string[], boolean]>([
    ['healthy', pod(), served(group('healthy')), ['web True Healthy'], false],
    ['healthy in every group', pod(), served(group('healthy'), group('initial')), ['web False Elb.initial'], true],
    ['a group without it', pod(), served(group('healthy'), group(undefined)), ['web True Healthy'], false],
    ['on its way', pod(), served(group('initial')), ['web False Elb.initial'], true],
    ['not registered yet', pod(), served(group(undefined)), ['web False NotRegistered'], true],
    ['no groups yet', pod(), served(), ['web False NotRegistered'], true],
    [
      'no load balancer that takes traffic',
      pod(),
      { served: false, groups: [group('initial')] },
      ['web True NoLoadBalancer'],
      false,
    ],
    ['UDP that nobody checks', pod(), served(group('unhealthy', false)), ['web True NotChecked'], false],
    [
      'open before',
      pod([condition('ContainersReady', 'True'), condition(gate, 'True')]),
      served(group('unhealthy')),
      [],
      false,
    ],
    [
      'closed before for the same reason',
      pod([condition('ContainersReady', 'True'), { ...condition(gate, 'False'), reason: 'Elb.initial' }]),
      served(group('initial')),
      [],
      true,
    ],
    ['containers not ready', pod([]), served(group(undefined)), ['web False NotRegistered'], false],
  ])('%s', (_what, one, exposure, written, pending) => {
    expect(plan(one, exposure)).toEqual({ written, pending });
  });
});

describe('pods that are being deleted', () => {
  const going = (secondsAgo: number, conditions?: PodCondition[]): Pod =>
    pod(conditions, {
      deletionGracePeriodSeconds: 30,
      deletionTimestamp: `${new Date(now + 30_000 - secondsAgo * 1000).toISOString().slice(0, 19)}Z`,
    });
  it.each<[string, Pod, Exposure, string[], boolean]>([
    ['are drained when no group has them', going(1), served(group(undefined)), ['drained True Drained'], false],
    [
      'are drained where there is no load balancer',
      going(1),
      { served: false, groups: [] },
      ['drained True Drained'],
      false,
    ],
    ['wait while they drain', going(10), served(group('draining')), ['drained False Draining'], true],
    ['wait while they are still healthy', going(1), served(group('healthy')), ['drained False Draining'], true],
    ['wait no longer than half a minute', going(30), served(group('draining')), ['drained True DrainTimeout'], false],
    ['are told once', going(1, [condition('nodeless.dev/drained', 'True')]), served(group('draining')), [], false],
  ])('%s', (_what, one, exposure, written, pending) => {
    expect(plan(one, exposure)).toEqual({ written, pending });
  });

  it('of two Services wait for both', () => {
    const both = pod(undefined, { deletionTimestamp: '2030-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 }, [
      gate,
      'target-health.nodeless.dev/api',
    ]);
    const exposures = new Map([
      ['web', served(group(undefined))],
      ['api', served(group('draining'))],
    ]);
    expect(planTargetReadiness([both], exposures, now).pending).toBe(true);
  });
});

describe('pods that only wait for their health check', () => {
  it.each<[string, Pod, boolean]>([
    ['with ready containers', pod(), true],
    ['without', pod([]), false],
    ['with another gate that is closed', pod(undefined, {}, [gate, 'other/gate']), false],
    [
      'with another gate that is open',
      pod([condition('ContainersReady', 'True'), condition('other/gate', 'True')], {}, [gate, 'other/gate']),
      true,
    ],
    ['without a health gate', pod(undefined, {}, []), false],
    ['that are going', pod(undefined, { deletionTimestamp: '2030-01-01T00:00:00Z' }), false],
  ])('%s: %s', (_what, one, expected) => {
    expect(waitsForHealthOnly(one)).toBe(expected);
  });

  it('name the Services', () => {
    expect(gatedServices(pod(undefined, {}, [gate, 'x/y']))).toEqual(['web']);
  });
});
