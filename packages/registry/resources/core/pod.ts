import type { Pod, PodStatus } from '@nodeless/apimachinery/generated/types/core/v1';
import { ipWarnings } from '@nodeless/apimachinery/ip-validation';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { keepStatus } from '../carry-over.ts';
import { tableOf } from '../table-of.ts';
import { defaultPodOnly, defaultPodSpec, dropInitContainerAnnotations } from './pod-template/defaults.ts';
import { dropDisabledPodFields } from './pod-template/disabled-fields.ts';
import { prepareNewPod } from './pod-create.ts';
import { keepObservedGenerations, onlyEphemeralContainers, onlyResources } from './pod-doors.ts';
import { podGracePeriod } from './pod-deletion.ts';
import { validateEphemeralContainers, validateResize } from './pod-door-validation.ts';
import { validatePodStatusUpdate } from './pod-status-validation.ts';
import { validatePodUpdate } from './pod-update-validation.ts';
import { podCells, podRowConditions } from './pod-table.ts';
import { newPodWarnings, validateNewPod } from './pod-validation.ts';

export const pod: KindDefinition = {
  group: '',
  resource: 'pods',
  table: tableOf<Pod>('/pods', podCells, podRowConditions),
  strategy: {
    generation: true,
    default: defaultPod,
    prepareForCreate: prepareNewPod,
    validate: validateNewPod,
    warnings: newPodWarnings,
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      dropDisabledPodFields((object as Pod).spec, (old as Pod).spec);
    },
    validateUpdate: validatePodUpdate,
    resetFields: [['status']],
    gracefulDeletion: { gracePeriodSeconds: podGracePeriod },
    status: {
      default: defaultPod,
      prepareForUpdate: prepareStatusUpdate,
      validateUpdate: validatePodStatusUpdate,
      warnings: statusWarnings,
      resetFields: [['spec'], ['metadata', 'deletionTimestamp'], ['metadata', 'ownerReferences']],
    },
    subresources: {
      ephemeralcontainers: {
        default: defaultPod,
        prepareForUpdate: onlyEphemeralContainers,
        validateUpdate: validateEphemeralContainers,
      },
      resize: { default: defaultPod, prepareForUpdate: onlyResources, validateUpdate: validateResize },
    },
    fieldNames: [
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'spec.hostNetwork',
      'status.phase',
      'status.podIP',
      'status.podIPs',
      'status.nominatedNodeName',
    ],
    selectableFields,
    trigger: { field: 'spec.nodeName', of: (object) => (object as Pod).spec?.nodeName ?? '' },
  },
};

function defaultPod(object: UnknownObject): void {
  const { spec, status } = object as Pod;
  if (status !== undefined) alignPodIps(status);
  dropInitContainerAnnotations(object);
  if (spec === undefined) return;
  defaultPodOnly(spec);
  defaultPodSpec(spec);
  // Old clients meant something with it; in templates it stays as it is.
  if (spec.terminationGracePeriodSeconds! < 0) spec.terminationGracePeriodSeconds = 1;
}

/** Where the one address and the list differ, the one is right: it comes from a kubelet that knows no list. */
function alignPodIps(status: PodStatus): void {
  const { podIP, podIPs } = status;
  if (podIP) {
    if (podIPs?.[0]?.ip !== podIP) status.podIPs = [{ ip: podIP }];
  } else if (podIPs?.length) {
    status.podIP = podIPs[0]!.ip;
  }
}

function prepareStatusUpdate(object: UnknownObject, old: Readonly<UnknownObject>): void {
  const pod = object as Pod;
  const stored = old as Pod;
  object.spec = old.spec;
  const metadata = (pod.metadata ??= {});
  // A status update cannot end a deletion or change owners.
  if (stored.metadata?.deletionTimestamp === undefined) delete metadata.deletionTimestamp;
  else metadata.deletionTimestamp = stored.metadata.deletionTimestamp;
  if (stored.metadata?.ownerReferences === undefined) delete metadata.ownerReferences;
  else metadata.ownerReferences = stored.metadata.ownerReferences;
  const status = (pod.status ??= {});
  if (!status.qosClass && stored.status?.qosClass) status.qosClass = stored.status.qosClass;
  keepObservedGenerations(status, stored.status ?? {});
}

function statusWarnings(object: Readonly<UnknownObject>): string[] {
  const status = (object as Pod).status ?? {};
  return [
    ...(status.podIPs ?? []).flatMap((entry, i) => ipWarnings(`status.podIPs[${i}].ip`, entry.ip ?? '')),
    ...(status.hostIPs ?? []).flatMap((entry, i) => ipWarnings(`status.hostIPs[${i}].ip`, entry.ip ?? '')),
  ];
}

function selectableFields(object: Readonly<UnknownObject>): Record<string, string> {
  const { spec, status } = object as Pod;
  return {
    'spec.nodeName': spec?.nodeName ?? '',
    'spec.restartPolicy': spec?.restartPolicy ?? '',
    'spec.schedulerName': spec?.schedulerName ?? '',
    'spec.serviceAccountName': spec?.serviceAccountName ?? '',
    'spec.hostNetwork': spec?.hostNetwork === true ? 'true' : 'false',
    'status.phase': status?.phase ?? '',
    'status.podIP': status?.podIPs?.[0]?.ip ?? status?.podIP ?? '',
    'status.nominatedNodeName': status?.nominatedNodeName ?? '',
  };
}
