import type { ReplicaSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import { formatLabelSelector } from '@nodeless/apimachinery/labels';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { defaultPodTemplate } from '../core/pod-template/defaults.ts';
import { dropTemplateFields } from '../core/pod-template/owned-template.ts';
import { tableOf } from '../table-of.ts';
import {
  replicaSetWarnings,
  validateReplicaSet,
  validateReplicaSetStatus,
  validateReplicaSetUpdate,
} from './replica-set-validation.ts';
import { replicaSetCells } from './workload-tables.ts';

export const replicaSet: KindDefinition = {
  group: 'apps',
  resource: 'replicasets',
  table: tableOf<ReplicaSet>('apps/replicasets', replicaSetCells),
  strategy: {
    generation: true,
    default: defaultReplicaSet,
    prepareForCreate: (object) => {
      clearStatus(object);
      dropTemplateFields((object as ReplicaSet).spec?.template);
    },
    validate: validateReplicaSet,
    warnings: replicaSetWarnings,
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      dropTemplateFields((object as ReplicaSet).spec?.template, (old as ReplicaSet).spec?.template);
    },
    validateUpdate: validateReplicaSetUpdate,
    resetFields: [['status']],
    status: {
      default: defaultReplicaSet,
      prepareForUpdate: keepSpec,
      validateUpdate: validateReplicaSetStatus,
      resetFields: [['spec']],
    },
  },
  scale: {
    replicas: (object) => (object as ReplicaSet).spec?.replicas ?? 0,
    statusReplicas: (object) => (object as ReplicaSet).status?.replicas ?? 0,
    selector: (object) => formatLabelSelector((object as ReplicaSet).spec?.selector),
    setReplicas: (object, replicas) => {
      (object as ReplicaSet).spec!.replicas = replicas;
    },
  },
};

function defaultReplicaSet(object: UnknownObject): void {
  const spec = (object as ReplicaSet).spec;
  if (spec === undefined) return;
  spec.replicas ??= 1;
  defaultPodTemplate(spec.template);
}
