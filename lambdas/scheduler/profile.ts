import type { Profile } from './framework.ts';
import { interPodAffinity, interPodAffinityScore } from './plugins/inter-pod-affinity.ts';
import { nodeAffinity, nodeAffinityScore } from './plugins/node-affinity.ts';
import { nodeName } from './plugins/node-name.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { balancedAllocation, leastAllocated, nodeResourcesFit } from './plugins/node-resources.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { podTopologySpread, podTopologySpreadScore } from './plugins/pod-topology-spread.ts';
import { taintToleration, taintTolerationScore } from './plugins/taint-toleration.ts';

/** The plugins, in the order in which filters run; weights are those of upstream's default profile. */
export const defaultProfile: Profile = {
  schedulerName: 'default-scheduler',
  filters: [
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    nodeResourcesFit,
    podTopologySpread,
    interPodAffinity,
  ],
  scores: [
    { plugin: taintTolerationScore, weight: 3 },
    { plugin: nodeAffinityScore, weight: 2 },
    { plugin: podTopologySpreadScore, weight: 2 },
    { plugin: interPodAffinityScore, weight: 2 },
    { plugin: leastAllocated, weight: 1 },
    { plugin: balancedAllocation, weight: 1 },
  ],
};
