/** What the scheduler writes about pods. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import { bindings, pods } from '@nodeless/client/resource-types';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { EventRecorder } from '@nodeless/controller-runtime/events';
import type { PodInfo } from './pod-info.ts';
import type { Candidate } from './preemption.ts';

export interface PodWrites {
  bind(pod: PodInfo, nodeName: string): Promise<void>;
  /** The PodScheduled condition and the nominated node; undefined leaves the latter as it is. Never rejects. */
  markUnschedulable(pod: PodInfo, message: string, nominatedNodeName: string | undefined): Promise<void>;
  /** Never rejects. */
  clearNomination(pod: PodInfo): Promise<void>;
  /** Removes the victims, each with a condition and an event that say for whom. Never rejects. */
  preempt(preemptor: PodInfo, candidate: Candidate): Promise<void>;
}

export function createPodWrites(options: {
  client: Client;
  events: EventRecorder;
  clock: Clock;
  log: Logger;
  schedulerName: string;
}): PodWrites {
  const { client, events, clock, log, schedulerName } = options;
  const now = (): string => new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  const keyOf = ({ metadata }: Readonly<Pod>): { namespace: string | undefined; name: string } => ({
    namespace: metadata?.namespace,
    name: metadata?.name ?? '',
  });

  const evict = async (victim: PodInfo, preemptor: PodInfo, nodeName: string): Promise<void> => {
    const { pod } = victim;
    if (pod.metadata?.deletionTimestamp === undefined) {
      const message = `${schedulerName}: preempting to accommodate a higher priority pod`;
      const condition = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'PreemptionByScheduler',
        message,
        lastTransitionTime: now(),
        observedGeneration: pod.metadata?.generation,
      };
      await client.patch(
        pods,
        keyOf(pod),
        'strategic',
        { status: { conditions: [condition] } },
        { subresource: 'status' },
      );
      await client.delete(pods, keyOf(pod), { preconditions: { uid: victim.uid } });
    }
    events.event(pod, 'Normal', 'Preempted', `Preempted by pod ${preemptor.uid} on node ${nodeName}`, {
      action: 'Preempting',
    });
  };

  return {
    async bind({ pod }, nodeName) {
      const { namespace, name, uid } = pod.metadata ?? {};
      await client.create(
        bindings,
        {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { namespace, name, uid },
          target: { kind: 'Node', name: nodeName },
        },
        { subresource: 'binding' },
      );
    },
    async markUnschedulable({ pod }, message, nominatedNodeName) {
      const known = pod.status?.conditions?.find((c) => c.type === 'PodScheduled');
      const same = known?.status === 'False' && known.reason === 'Unschedulable' && known.message === message;
      const nominated = nominatedNodeName !== undefined && nominatedNodeName !== (pod.status?.nominatedNodeName ?? '');
      if (same && !nominated) return;
      const lastTransitionTime = known?.status === 'False' ? known.lastTransitionTime : now();
      const condition = {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message,
        lastTransitionTime,
        observedGeneration: pod.metadata?.generation,
      };
      try {
        await client.patch(
          pods,
          keyOf(pod),
          'strategic',
          { status: { conditions: [condition], ...(nominated && { nominatedNodeName: nominatedNodeName || null }) } },
          { subresource: 'status' },
        );
      } catch (error) {
        if (!isNotFound(error))
          log.warn('could not mark the pod unschedulable', {
            pod: `${pod.metadata?.namespace}/${pod.metadata?.name}`,
            error,
          });
      }
    },
    async clearNomination({ pod }) {
      try {
        await client.patch(
          pods,
          keyOf(pod),
          'merge',
          { status: { nominatedNodeName: null } },
          { subresource: 'status' },
        );
      } catch (error) {
        if (!isNotFound(error)) log.warn('could not take back a nomination', { pod: pod.metadata?.name, error });
      }
    },
    async preempt(preemptor, { nodeName, victims }) {
      const results = await Promise.allSettled(victims.map((victim) => evict(victim, preemptor, nodeName)));
      for (const result of results)
        if (result.status === 'rejected' && !isNotFound(result.reason))
          log.warn('could not preempt a pod', { node: nodeName, error: result.reason });
    },
  };
}
