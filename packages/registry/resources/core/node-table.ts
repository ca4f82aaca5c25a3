import type { Node } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Row } from '../table-of.ts';

const rolePrefix = 'node-role.kubernetes.io/';
const roleLabel = 'kubernetes.io/role';

export function nodeCells({ metadata, spec, status }: Readonly<Node>, { name, age }: Row): unknown[] {
  // the last condition of the type wins
  const ready = status?.conditions?.findLast((condition) => condition.type === 'Ready');
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  const info = status?.nodeInfo;
  const kernel = (info?.kernelVersion || '<unknown>') + (info?.architecture ? ` (${info.architecture})` : '');
  const address = (type: string): string => status?.addresses?.find((a) => a.type === type)?.address ?? '<none>';
  return [
    name,
    spec?.unschedulable ? `${state},SchedulingDisabled` : state,
    rolesOf(metadata?.labels ?? {}).join(',') || '<none>',
    age,
    info?.kubeletVersion ?? '',
    address('InternalIP'),
    address('ExternalIP'),
    info?.osImage || '<unknown>',
    kernel,
    info?.containerRuntimeVersion || '<unknown>',
  ];
}

function rolesOf(labels: Readonly<Record<string, string>>): string[] {
  const roles = new Set<string>();
  for (const label in labels) {
    const role = label.startsWith(rolePrefix)
      ? label.slice(rolePrefix.length)
      : label === roleLabel
        ? labels[label]!
        : '';
    if (role) roles.add(role);
  }
  return [...roles].sort();
}
