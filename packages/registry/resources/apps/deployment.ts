import type { Deployment } from '@nodeless/apimachinery/generated/types/apps/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import { formatLabelSelector } from '@nodeless/apimachinery/labels';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { bumpGeneration, clearStatus, keepLabels, keepSpec, keepStatus } from '../carry-over.ts';
import { defaultPodTemplate } from '../core/pod-template/defaults.ts';
import { dropTemplateFields } from '../core/pod-template/owned-template.ts';
import { tableOf } from '../table-of.ts';
import {
  deploymentWarnings,
  validateDeployment,
  validateDeploymentStatus,
  validateDeploymentUpdate,
} from './deployment-validation.ts';
import { deploymentCells } from './workload-tables.ts';

export const deployment: KindDefinition = {
  group: 'apps',
  resource: 'deployments',
  table: tableOf<Deployment>('apps/deployments', deploymentCells),
  strategy: {
    generation: true,
    default: defaultDeployment,
    prepareForCreate: (object) => {
      clearStatus(object);
      dropTemplateFields((object as Deployment).spec?.template);
    },
    validate: validateDeployment,
    warnings: deploymentWarnings,
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      dropTemplateFields((object as Deployment).spec?.template, (old as Deployment).spec?.template);
      // Changed annotations count too: the controller copies them to its replica sets.
      if (!deepEqual(object.metadata?.annotations, old.metadata?.annotations)) bumpGeneration(object, old);
    },
    validateUpdate: validateDeploymentUpdate,
    resetFields: [['status']],
    status: {
      default: defaultDeployment,
      validateUpdate: validateDeploymentStatus,
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        keepLabels(object, old);
      },
      resetFields: [['spec'], ['metadata', 'labels']],
    },
  },
  scale: {
    replicas: (object) => (object as Deployment).spec?.replicas ?? 0,
    statusReplicas: (object) => (object as Deployment).status?.replicas ?? 0,
    selector: (object) => formatLabelSelector((object as Deployment).spec?.selector),
    setReplicas: (object, replicas) => {
      (object as Deployment).spec!.replicas = replicas;
    },
  },
};

function defaultDeployment(object: UnknownObject): void {
  const spec = (object as Deployment).spec;
  if (spec === undefined) return;
  spec.replicas ??= 1;
  const strategy = (spec.strategy ??= {});
  if (!strategy.type) strategy.type = 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.maxUnavailable ??= '25%';
    rolling.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  defaultPodTemplate(spec.template);
}
