import type { StatefulSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import { formatLabelSelector } from '@nodeless/apimachinery/labels';
import { nameIsDnsLabel } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { defaultClaim } from '../core/persistent-volume-claim.ts';
import { defaultPodTemplate } from '../core/pod-template/defaults.ts';
import { dropTemplateFields } from '../core/pod-template/owned-template.ts';
import { tableOf } from '../table-of.ts';
import {
  statefulSetWarnings,
  validateStatefulSet,
  validateStatefulSetStatus,
  validateStatefulSetUpdate,
} from './stateful-set-validation.ts';
import { statefulSetCells } from './workload-tables.ts';

export const statefulSet: KindDefinition = {
  group: 'apps',
  resource: 'statefulsets',
  table: tableOf<StatefulSet>('apps/statefulsets', statefulSetCells),
  strategy: {
    generation: true,
    default: defaultStatefulSet,
    prepareForCreate: (object) => {
      clearStatus(object);
      dropMaxUnavailable(object, undefined);
      dropTemplateFields((object as StatefulSet).spec?.template);
    },
    validateName: nameIsDnsLabel,
    validate: validateStatefulSet,
    warnings: statefulSetWarnings,
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      dropMaxUnavailable(object, old);
      dropTemplateFields((object as StatefulSet).spec?.template, (old as StatefulSet).spec?.template);
    },
    validateUpdate: validateStatefulSetUpdate,
    resetFields: [['status']],
    status: {
      default: defaultStatefulSet,
      prepareForUpdate: keepSpec,
      validateUpdate: validateStatefulSetStatus,
      resetFields: [['spec']],
    },
  },
  scale: {
    replicas: (object) => (object as StatefulSet).spec?.replicas ?? 0,
    statusReplicas: (object) => (object as StatefulSet).status?.replicas ?? 0,
    selector: (object) => formatLabelSelector((object as StatefulSet).spec?.selector),
    setReplicas: (object, replicas) => {
      (object as StatefulSet).spec!.replicas = replicas;
    },
  },
};

function defaultStatefulSet(object: UnknownObject): void {
  const spec = (object as StatefulSet).spec;
  if (spec === undefined) return;
  if (!spec.podManagementPolicy) spec.podManagementPolicy = 'OrderedReady';
  const strategy = (spec.updateStrategy ??= {});
  if (!strategy.type) {
    strategy.type = 'RollingUpdate';
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate) strategy.rollingUpdate.partition ??= 0;
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
  if (!retention.whenDeleted) retention.whenDeleted = 'Retain';
  if (!retention.whenScaled) retention.whenScaled = 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  defaultPodTemplate(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    // Embedded claims carry their type.
    claim.apiVersion = 'v1';
    claim.kind = 'PersistentVolumeClaim';
    defaultClaim(claim as UnknownObject);
  }
}

/** Its feature is off in v1.36: kept only where it is stored already. */
function dropMaxUnavailable(object: UnknownObject, old: Readonly<UnknownObject> | undefined): void {
  if ((old as StatefulSet | undefined)?.spec?.updateStrategy?.rollingUpdate?.maxUnavailable !== undefined) return;
  delete (object as StatefulSet).spec?.updateStrategy?.rollingUpdate?.maxUnavailable;
}
