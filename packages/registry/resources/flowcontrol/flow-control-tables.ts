import type { FlowSchema, PriorityLevelConfiguration } from '@nodeless/apimachinery/generated/types/flowcontrol/v1';
import type { Row } from '../table-of.ts';

export function flowSchemaCells({ spec, status }: Readonly<FlowSchema>, { name, age }: Row): unknown[] {
  const missing = status?.conditions?.find((condition) => condition.type === 'Dangling')?.status ?? '?';
  return [
    name,
    spec?.priorityLevelConfiguration?.name ?? '',
    spec?.matchingPrecedence ?? 0,
    spec?.distinguisherMethod?.type ?? '<none>',
    age,
    missing,
  ];
}

export function levelCells({ spec }: Readonly<PriorityLevelConfiguration>, { name, age }: Row): unknown[] {
  const limited = spec?.limited;
  const queuing = limited?.limitResponse?.queuing;
  const queues = queuing
    ? [queuing.queues ?? 0, queuing.handSize ?? 0, queuing.queueLengthLimit ?? 0]
    : ['<none>', '<none>', '<none>'];
  return [name, spec?.type ?? '', limited ? (limited.nominalConcurrencyShares ?? 0) : '<none>', ...queues, age];
}
