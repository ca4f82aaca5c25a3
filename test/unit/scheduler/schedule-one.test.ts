import { describe, expect, it } from 'vitest';
import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { podInfo } from '@nodeless/scheduler/pod-info';
import { defaultProfile } from '@nodeless/scheduler/profile';
import { scheduleOne } from '@nodeless/scheduler/schedule-one';
import { createSchedulerCache } from '@nodeless/scheduler/cache';
import { aNode, aPod } from '../../builders/objects.ts';

function schedule(pod: Pod, nodes: readonly Node[], bound: readonly Pod[] = []): ReturnType<typeof scheduleOne> {
  const cache = createSchedulerCache();
  for (const node of nodes) cache.setNode(node);
  for (const one of bound) cache.setPod(one);
  return scheduleOne(podInfo(pod), cache, defaultProfile, () => 0);
}
const on = (name: string, nodeName: string, overrides: Parameters<typeof aPod>[1] = {}): Pod =>
  aPod(name, { ...overrides, spec: { ...overrides.spec, nodeName } });
const zone = (name: string, z: string): Node => aNode(name, { labels: { 'topology.kubernetes.io/zone': z } });
const nothing = 'no new claims to deallocate, preemption: ';

describe('a pod that fits nowhere says why', () => {
  const cases: { name: string; pod: Pod; nodes: Node[]; bound?: Pod[]; message: string }[] = [
    { name: 'no nodes', pod: aPod('p'), nodes: [], message: 'no nodes available to schedule pods' },
    {
      name: 'cordoned and tainted',
      pod: aPod('p'),
      nodes: [
        aNode('a', { spec: { unschedulable: true } }),
        aNode('b', { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } }),
      ],
      message: `0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. ${nothing}0/2 nodes are available: 2 Preemption is not helpful for scheduling.`,
    },
    {
      name: 'too big for any node, and for what is left',
      pod: aPod('p', { cpu: '3' }),
      nodes: [aNode('a', { allocatable: { cpu: '2' } }), aNode('b')],
      bound: [on('x', 'b', { cpu: '2' })],
      message: `0/2 nodes are available: 2 Insufficient cpu. ${nothing}0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.`,
    },
    {
      name: 'full of pods and short of memory at once',
      pod: aPod('p', { memory: '1Gi' }),
      nodes: [aNode('a', { allocatable: { pods: '1', memory: '1Gi' } })],
      bound: [on('x', 'a', { memory: '512Mi' })],
      message: `0/1 nodes are available: 1 Insufficient memory, 1 Too many pods. ${nothing}0/1 nodes are available: 1 No preemption victims found for incoming pod.`,
    },
    {
      name: 'selector',
      pod: aPod('p', { spec: { nodeSelector: { disk: 'ssd' } } }),
      nodes: [aNode('a')],
      message: `0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. ${nothing}0/1 nodes are available: 1 Preemption is not helpful for scheduling.`,
    },
    {
      name: 'host port in use',
      pod: aPod('p', { spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80 }] }] } }),
      nodes: [aNode('a')],
      bound: [on('x', 'a', { spec: { containers: [{ name: 'c', ports: [{ containerPort: 8080, hostPort: 80 }] }] } })],
      message: `0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. ${nothing}0/1 nodes are available: 1 No preemption victims found for incoming pod.`,
    },
    {
      name: 'spread with a node that has no zone',
      pod: aPod('p', {
        metadata: { labels: { app: 'x' } },
        spec: {
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'topology.kubernetes.io/zone',
              whenUnsatisfiable: 'DoNotSchedule',
              labelSelector: { matchLabels: { app: 'x' } },
            },
          ],
        },
      }),
      nodes: [
        aNode('a'),
        zone('b', 'z1'),
        aNode('c', { labels: { 'topology.kubernetes.io/zone': 'z2' }, spec: { unschedulable: true } }),
      ],
      bound: [on('x', 'b', { metadata: { labels: { app: 'x' } } })],
      message: `0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) were unschedulable. ${nothing}0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.`,
    },
    {
      name: 'anti-affinity of its own and of others',
      pod: aPod('p', {
        metadata: { labels: { app: 'x' } },
        spec: {
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'y' } } },
              ],
            },
          },
        },
      }),
      nodes: [aNode('a'), aNode('b')],
      bound: [
        on('x', 'a', { metadata: { labels: { app: 'y' } } }),
        on('y', 'b', {
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
      message: `0/2 nodes are available: 1 node(s) didn't match pod anti-affinity rules, 1 node(s) didn't satisfy existing pods anti-affinity rules. ${nothing}0/2 nodes are available: 2 No preemption victims found for incoming pod.`,
    },
  ];
  it.each(cases)('$name', ({ pod, nodes, bound, message }) => {
    expect(schedule(pod, nodes, bound)).toMatchObject({ nodeName: undefined, message });
  });
});

describe('a pod goes where it is best', () => {
  const tolerant = { tolerations: [{ key: 'k', operator: 'Exists' }] };
  const gt = {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'gen', operator: 'Gt', values: ['4'] }] }],
        },
      },
    },
  };
  const together = {
    affinity: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'topology.kubernetes.io/zone', labelSelector: { matchLabels: { app: 'x' } } },
        ],
      },
    },
  };
  const cases: { name: string; pod: Pod; nodes: Node[]; bound?: Pod[]; node: string }[] = [
    {
      name: 'the emptier node',
      pod: aPod('p', { cpu: '1' }),
      nodes: [aNode('a'), aNode('b')],
      bound: [on('x', 'a', { cpu: '2' })],
      node: 'b',
    },
    {
      name: 'a taint that it tolerates',
      pod: aPod('p', { spec: tolerant }),
      nodes: [aNode('a', { spec: { taints: [{ key: 'k', effect: 'NoExecute' }] } })],
      node: 'a',
    },
    {
      name: 'away from a soft taint',
      pod: aPod('p'),
      nodes: [aNode('a', { spec: { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] } }), aNode('b')],
      node: 'b',
    },
    {
      name: 'a numeric affinity',
      pod: aPod('p', { spec: gt }),
      nodes: [aNode('a', { labels: { gen: '4' } }), aNode('b', { labels: { gen: '5' } })],
      node: 'b',
    },
    {
      name: 'a preferred node',
      pod: aPod('p', {
        spec: {
          affinity: {
            nodeAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                { weight: 50, preference: { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] } },
              ],
            },
          },
        },
      }),
      nodes: [aNode('a'), aNode('b')],
      node: 'b',
    },
    {
      name: 'the zone of its companions',
      pod: aPod('p', { spec: together }),
      nodes: [zone('a', 'z1'), zone('b', 'z2')],
      bound: [on('x', 'b', { metadata: { labels: { app: 'x' } } })],
      node: 'b',
    },
    {
      name: 'anywhere, as the first of its group',
      pod: aPod('p', { metadata: { labels: { app: 'x' } }, spec: together }),
      nodes: [zone('a', 'z1')],
      node: 'a',
    },
    {
      name: 'the zone with fewer brothers',
      pod: aPod('p', {
        metadata: { labels: { app: 'x' } },
        spec: {
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'topology.kubernetes.io/zone',
              whenUnsatisfiable: 'DoNotSchedule',
              labelSelector: { matchLabels: { app: 'x' } },
            },
          ],
        },
      }),
      nodes: [zone('a', 'z1'), zone('b', 'z2')],
      bound: [on('x', 'a', { metadata: { labels: { app: 'x' } } })],
      node: 'b',
    },
    {
      name: 'a node whose pods have finished',
      pod: aPod('p', {
        spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80, hostIP: '10.0.0.1' }] }] },
      }),
      nodes: [aNode('a')],
      bound: [
        on('x', 'a', {
          spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80, hostIP: '10.0.0.2' }] }] },
        }),
      ],
      node: 'a',
    },
  ];
  it.each(cases)('$name', ({ pod, nodes, bound, node }) => {
    expect(schedule(pod, nodes, bound)).toEqual({ nodeName: node });
  });
});

describe('the cache', () => {
  it('gives back what a removed pod held and counts an assumed pod once', () => {
    const cache = createSchedulerCache();
    cache.setNode(aNode('a', { allocatable: { cpu: '1' } }));
    const pod = aPod('x', { cpu: '1' });
    cache.assume(podInfo(pod), 'a');
    cache.setPod({ ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName: 'a' } });
    expect(cache.node('a')?.requested['cpu']).toBe(1000);
    cache.removePod('uid-x');
    expect(cache.node('a')?.requested['cpu']).toBe(0);
  });

  it('forgets a node only for scheduling while pods are still bound to it', () => {
    const cache = createSchedulerCache();
    cache.setNode(aNode('a'));
    cache.setPod(on('x', 'a', { cpu: '1' }));
    cache.removeNode('a');
    expect(cache.nodes).toEqual([]);
    cache.setNode(aNode('a'));
    expect(cache.node('a')?.requested['cpu']).toBe(1000);
  });
});
