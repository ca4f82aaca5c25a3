import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
} from '@nodeless/apimachinery/generated/types/apps/v1';
import { formatLabels, formatLabelSelector } from '@nodeless/apimachinery/labels';
import { imagesOf, namesOf, type Row } from '../table-of.ts';

interface Template {
  readonly template?: { readonly spec?: { readonly containers?: readonly { name: string; image?: string }[] } };
}

function containerCells(spec: Template | undefined): [string, string] {
  const containers = spec?.template?.spec?.containers;
  return [namesOf(containers), imagesOf(containers)];
}

export function deploymentCells({ spec, status }: Readonly<Deployment>, { name, age }: Row): unknown[] {
  const ready = `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`;
  return [
    name,
    ready,
    status?.updatedReplicas ?? 0,
    status?.availableReplicas ?? 0,
    age,
    ...containerCells(spec),
    formatLabelSelector(spec?.selector),
  ];
}

export function replicaSetCells({ spec, status }: Readonly<ReplicaSet>, { name, age }: Row): unknown[] {
  return [
    name,
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    age,
    ...containerCells(spec),
    formatLabelSelector(spec?.selector),
  ];
}

export function statefulSetCells({ spec, status }: Readonly<StatefulSet>, { name, age }: Row): unknown[] {
  return [name, `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`, age, ...containerCells(spec)];
}

export function daemonSetCells({ spec, status }: Readonly<DaemonSet>, { name, age }: Row): unknown[] {
  return [
    name,
    status?.desiredNumberScheduled ?? 0,
    status?.currentNumberScheduled ?? 0,
    status?.numberReady ?? 0,
    status?.updatedNumberScheduled ?? 0,
    status?.numberAvailable ?? 0,
    formatLabels(spec?.template?.spec?.nodeSelector),
    age,
    ...containerCells(spec),
    formatLabelSelector(spec?.selector),
  ];
}

/** The owner of a revision as `statefulset.apps/web`. */
export function controllerCell({ metadata }: Readonly<ControllerRevision>): string {
  const owner = metadata?.ownerReferences?.find((reference) => reference.controller === true);
  if (!owner) return '<none>';
  const slash = owner.apiVersion.indexOf('/');
  const group = slash < 0 ? '' : `.${owner.apiVersion.slice(0, slash)}`;
  return `${owner.kind}${group}`.toLowerCase() + `/${owner.name}`;
}
