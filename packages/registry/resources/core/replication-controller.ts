import type { ReplicationController } from '@nodeless/apimachinery/generated/types/core/v1';
import { formatLabels } from '@nodeless/apimachinery/labels';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus, metadataOf } from '../carry-over.ts';
import { defaultPodTemplate } from './pod-template/defaults.ts';
import { dropTemplateFields } from './pod-template/owned-template.ts';
import { checkLongName } from '../long-name.ts';
import { tableOf } from '../table-of.ts';
import {
  replicationControllerWarnings,
  validateReplicationController,
  validateReplicationControllerStatus,
} from './replication-controller-validation.ts';
import { replicationControllerCells } from './replication-controller-table.ts';

export const replicationController: KindDefinition = {
  group: '',
  resource: 'replicationcontrollers',
  table: tableOf<ReplicationController>('/replicationcontrollers', replicationControllerCells),
  strategy: {
    generation: true,
    defaultPropagation: 'Orphan',
    default: defaultController,
    prepareForCreate: (object) => {
      clearStatus(object);
      dropTemplateFields((object as ReplicationController).spec?.template);
    },
    validateName: checkLongName,
    validate: (object) => validateReplicationController(object),
    warnings: replicationControllerWarnings,
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      dropTemplateFields(
        (object as ReplicationController).spec?.template,
        (old as ReplicationController).spec?.template,
      );
    },
    validateUpdate: validateReplicationController,
    resetFields: [['status']],
    status: {
      default: defaultController,
      prepareForUpdate: keepSpec,
      validateUpdate: validateReplicationControllerStatus,
      resetFields: [['spec']],
    },
    fieldNames: ['status.replicas'],
    selectableFields: (object) => ({
      'status.replicas': String((object as ReplicationController).status?.replicas ?? 0),
    }),
  },
  scale: {
    replicas: (object) => (object as ReplicationController).spec?.replicas ?? 0,
    statusReplicas: (object) => (object as ReplicationController).status?.replicas ?? 0,
    selector: (object) => formatLabels((object as ReplicationController).spec?.selector ?? {}),
    setReplicas: (object, replicas) => {
      ((object as ReplicationController).spec ??= {}).replicas = replicas;
    },
  },
};

function defaultController(object: UnknownObject): void {
  const controller = object as ReplicationController;
  const spec = (controller.spec ??= {});
  spec.replicas ??= 1;
  const labels = spec.template?.metadata?.labels;
  if (labels !== undefined && Object.keys(labels).length > 0) {
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    const metadata = metadataOf(object);
    if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  }
  defaultPodTemplate(spec.template);
}
