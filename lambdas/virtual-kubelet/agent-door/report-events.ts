import { createHash } from 'node:crypto';
import type { Event, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isAlreadyExists, isNotFound } from '@nodeless/apimachinery/status';
import { canonicalTime } from '@nodeless/apimachinery/time';
import type { Client } from '@nodeless/client/client';
import { events } from '@nodeless/client/resource-types';
import type { AgentReport, ReportedEvent } from '../agent/agent-protocol.ts';

/**
 * Writes a report's events. The name of each follows from what it says and from the agent's run, and its count is the run's:
 * whichever copy of the kubelet gets a report, and however often, the Event comes out the same.
 */
export async function recordEvents(client: Client, pod: Pod, report: AgentReport): Promise<void> {
  for (const event of report.events) await record(client, pod, report.bootedAt, event);
}

async function record(client: Client, pod: Pod, bootedAt: number, event: ReportedEvent): Promise<void> {
  const { namespace = '', name: podName = '', uid = '' } = pod.metadata ?? {};
  const { type, reason, message, fieldPath, count } = event;
  const hash = createHash('sha256').update(JSON.stringify([uid, bootedAt, type, reason, message, fieldPath]));
  const name = `${podName.slice(0, 230)}.${hash.digest('hex').slice(0, 16)}`;
  const lastTimestamp = canonicalTime(event.lastAt);
  const raise = () => client.patch(events, { namespace, name }, 'merge', { count, lastTimestamp });
  const host = pod.spec?.nodeName ?? '';
  if (count > 1) {
    try {
      await raise();
      return;
    } catch (error) {
      // Its first report was lost, or it has expired since.
      if (!isNotFound(error)) throw error;
    }
  }
  const created: Event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: {
      kind: 'Pod',
      apiVersion: 'v1',
      name: podName,
      namespace,
      uid,
      ...(fieldPath === '' ? {} : { fieldPath }),
    },
    type,
    reason,
    message,
    count,
    firstTimestamp: canonicalTime(event.firstAt),
    lastTimestamp,
    source: { component: 'kubelet', host },
    reportingComponent: 'kubelet',
    reportingInstance: host,
  };
  try {
    await client.create(events, created);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    await raise();
  }
}
