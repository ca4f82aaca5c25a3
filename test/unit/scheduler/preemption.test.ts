import { describe, expect, it } from 'vitest';
import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { PodDisruptionBudget } from '@nodeless/apimachinery/generated/types/policy/v1';
import { createSchedulerCache } from '@nodeless/scheduler/cache';
import { podInfo } from '@nodeless/scheduler/pod-info';
import { defaultProfile } from '@nodeless/scheduler/profile';
import { scheduleOne } from '@nodeless/scheduler/schedule-one';
import { aNode, aPod, type PodOverrides } from '../../builders/objects.ts';

/** `web:5@n1` with two cores: a pod of priority 5 on node n1. */
const on = (name: string, nodeName: string, priority: number, more: PodOverrides & { started?: string } = {}): Pod =>
  aPod(name, {
    cpu: '2',
    ...more,
    spec: { nodeName, priority, ...more.spec },
    status: { phase: 'Running', startTime: more.started ?? '2030-01-01T00:00:00Z' },
  });
const incoming = (overrides: PodOverrides = {}): Pod =>
  aPod('in', { cpu: '2', ...overrides, spec: { priority: 100, ...overrides.spec } });

function preempt(
  pod: Pod,
  nodes: readonly Node[],
  bound: readonly Pod[],
  budgets: readonly PodDisruptionBudget[] = [],
) {
  const cache = createSchedulerCache({ budgets: () => budgets, namespaceLabels: () => undefined });
  for (const node of nodes) cache.setNode(node);
  for (const one of bound) cache.setPod(one);
  const placement = scheduleOne(podInfo(pod), cache, defaultProfile, () => 0);
  if (placement.nodeName !== undefined) return { placed: placement.nodeName };
  const { preempt: candidate, message } = placement;
  return candidate
    ? { node: candidate.nodeName, victims: candidate.victims.map((v) => v.pod.metadata?.name) }
    : { message };
}
const two = [aNode('n1'), aNode('n2')]; // four cores each
const budget = (app: string, allowed: number): PodDisruptionBudget => ({
  metadata: { name: app, namespace: 'default' },
  spec: { selector: { matchLabels: { app } } },
  status: { disruptionsAllowed: allowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
});
const labelled = (app: string): PodOverrides => ({ metadata: { labels: { app } } });

describe('preemption', () => {
  it.each<{ name: string; pod?: Pod; nodes?: Node[]; bound: Pod[]; budgets?: PodDisruptionBudget[]; want: object }>([
    { name: 'is not needed where there is room', bound: [on('a', 'n1', 5)], want: { placed: 'n2' } },
    {
      name: 'takes the least important',
      bound: [on('a', 'n1', 50), on('b', 'n1', 5), on('c', 'n2', 60), on('d', 'n2', 70)],
      want: { node: 'n1', victims: ['b'] },
    },
    {
      name: 'prefers the node whose most important victim is less important',
      bound: [on('a', 'n1', 50), on('b', 'n1', 50), on('c', 'n2', 40), on('d', 'n2', 40)],
      want: { node: 'n2', victims: ['d'] },
    },
    {
      name: 'prefers fewer victims of one importance',
      pod: incoming({ cpu: '4' }),
      nodes: [aNode('n1'), aNode('n2')],
      bound: [on('a', 'n1', 5), on('b', 'n1', 5), on('c', 'n2', 5, { cpu: '4' })],
      want: { node: 'n2', victims: ['c'] },
    },
    {
      name: 'prefers the victim that has run for a shorter time',
      bound: [
        on('a', 'n1', 5),
        on('a2', 'n1', 200),
        on('b', 'n2', 5, { started: '2030-01-01T01:00:00Z' }),
        on('b2', 'n2', 200),
      ],
      want: { node: 'n2', victims: ['b'] },
    },
    {
      name: 'spares what a budget protects',
      bound: [on('a', 'n1', 5, labelled('kept')), on('a2', 'n1', 200), on('b', 'n2', 50), on('b2', 'n2', 200)],
      budgets: [budget('kept', 0)],
      want: { node: 'n2', victims: ['b'] },
    },
    {
      name: 'breaks a budget if nothing else helps',
      nodes: [aNode('n1')],
      bound: [on('a', 'n1', 5, labelled('kept')), on('a2', 'n1', 200)],
      budgets: [budget('kept', 0)],
      want: { node: 'n1', victims: ['a'] },
    },
    {
      name: 'on one node takes the unprotected',
      nodes: [aNode('n1')],
      bound: [on('a', 'n1', 5, labelled('kept')), on('b', 'n1', 50)],
      budgets: [budget('kept', 0)],
      want: { node: 'n1', victims: ['b'] },
    },
    {
      name: 'frees a host port',
      pod: incoming({ cpu: '1', spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80 }] }] } }),
      nodes: [aNode('n1')],
      bound: [
        on('a', 'n1', 5, { spec: { containers: [{ name: 'c', ports: [{ containerPort: 1, hostPort: 80 }] }] } }),
        on('b', 'n1', 5, { cpu: '1' }),
      ],
      want: { node: 'n1', victims: ['a'] },
    },
    {
      name: 'drives away who keeps it out',
      pod: incoming({ cpu: '1', ...labelled('x') }),
      nodes: [aNode('n1')],
      bound: [
        on('a', 'n1', 5, {
          cpu: '1',
          spec: {
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'x' } } },
                ],
              },
            },
          },
        }),
      ],
      want: { node: 'n1', victims: ['a'] },
    },
    {
      name: 'helps not against a full node of its betters',
      nodes: [aNode('n1')],
      bound: [on('a', 'n1', 100), on('b', 'n1', 5000)],
      want: {
        message:
          '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
      },
    },
    {
      name: 'says what would still be missing',
      pod: incoming({ cpu: '3' }),
      nodes: [aNode('n1')],
      bound: [on('a', 'n1', 5, { cpu: '1' }), on('b', 'n1', 5000)],
      want: {
        message:
          '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Insufficient cpu.',
      },
    },
  ])('$name', ({ pod = incoming(), nodes = two, bound, budgets, want }) =>
    expect(preempt(pod, nodes, bound, budgets)).toEqual(want),
  );
});
