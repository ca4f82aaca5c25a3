import type { FlowSchema, PriorityLevelConfiguration } from '@nodeless/apimachinery/generated/types/flowcontrol/v1';
import { resourceType } from '@nodeless/client/client';
import { type Controller, watchRule } from '@nodeless/controller-runtime/controller';
import { timestamp } from './time.ts';

const group = 'flowcontrol.apiserver.k8s.io';
const flowSchemas = resourceType<FlowSchema>(group, 'v1', 'flowschemas', 'FlowSchema', false);
const priorityLevels = resourceType<PriorityLevelConfiguration>(
  group,
  'v1',
  'prioritylevelconfigurations',
  'PriorityLevelConfiguration',
  false,
);
const manager = 'api-priority-and-fairness-config-consumer-v1';

/** The Dangling condition: whether the priority level that a flow schema names is there. undefined = it says so already. */
export function danglingCondition(
  schema: FlowSchema,
  exists: boolean,
  now: number,
): NonNullable<NonNullable<FlowSchema['status']>['conditions']>[number] | undefined {
  const level = JSON.stringify(schema.spec?.priorityLevelConfiguration.name ?? '');
  const status = exists ? 'False' : 'True';
  const message = `This FlowSchema references the PriorityLevelConfiguration object named ${level} ${exists ? 'and it exists' : 'but there is no such object'}`;
  const known = schema.status?.conditions?.find((c) => c.type === 'Dangling');
  if (known?.status === status && known.message === message) return undefined;
  return {
    type: 'Dangling',
    status,
    lastTransitionTime: timestamp(now),
    reason: exists ? 'Found' : 'NotFound',
    message,
  };
}

/** Upstream runs this inside kube-apiserver, as which it acts here too. */
export const flowSchemaController: Controller = {
  name: manager,
  actsAs: 'apiserver',
  watches: [
    watchRule({ type: flowSchemas, requests: ({ object }) => [{ name: object.metadata?.name ?? '' }] }),
    watchRule({
      type: priorityLevels,
      async requests({ object, type }, lookup) {
        if (type === 'modified') return [];
        const all = await lookup.list(flowSchemas);
        return all
          .filter((schema) => schema.spec?.priorityLevelConfiguration.name === object.metadata?.name)
          .map((schema) => ({ name: schema.metadata?.name ?? '' }));
      },
    }),
  ],
  async reconcile({ name }, { cache, client, clock }) {
    const schema = await cache.get(flowSchemas, { name });
    if (!schema || schema.metadata?.deletionTimestamp) return;
    const level = await cache.get(priorityLevels, { name: schema.spec?.priorityLevelConfiguration.name ?? '' });
    const condition = danglingCondition(schema, level !== undefined, clock.now());
    if (!condition) return;
    const object = {
      apiVersion: `${group}/v1`,
      kind: 'FlowSchema',
      metadata: { name },
      status: { conditions: [condition] },
    } as FlowSchema;
    await client.apply(flowSchemas, object, { subresource: 'status', fieldManager: manager, force: true });
  },
};
