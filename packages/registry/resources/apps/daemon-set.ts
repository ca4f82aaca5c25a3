import type { DaemonSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { defaultPodTemplate } from '../core/pod-template/defaults.ts';
import { dropTemplateFields } from '../core/pod-template/owned-template.ts';
import { tableOf } from '../table-of.ts';
import {
  daemonSetWarnings,
  validateDaemonSet,
  validateDaemonSetStatus,
  validateDaemonSetUpdate,
} from './daemon-set-validation.ts';
import { readTemplateGeneration, setTemplateGeneration } from './template-generation.ts';
import { daemonSetCells } from './workload-tables.ts';

export const daemonSet: KindDefinition = {
  group: 'apps',
  resource: 'daemonsets',
  table: tableOf<DaemonSet>('apps/daemonsets', daemonSetCells),
  strategy: {
    generation: true,
    default: defaultDaemonSet,
    prepareForCreate: (object) => {
      clearStatus(object);
      dropTemplateFields((object as DaemonSet).spec?.template);
      setTemplateGeneration(object, Math.max(1, readTemplateGeneration(object)));
    },
    validate: validateDaemonSet,
    warnings: daemonSetWarnings,
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      dropTemplateFields((object as DaemonSet).spec?.template, (old as DaemonSet).spec?.template);
      const changed = !deepEqual((object as DaemonSet).spec?.template, (old as DaemonSet).spec?.template);
      setTemplateGeneration(object, readTemplateGeneration(old) + (changed ? 1 : 0));
    },
    validateUpdate: validateDaemonSetUpdate,
    resetFields: [['status']],
    status: {
      default: defaultDaemonSet,
      validateUpdate: validateDaemonSetStatus,
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        setTemplateGeneration(object, readTemplateGeneration(old));
      },
      resetFields: [['spec']],
    },
  },
};

function defaultDaemonSet(object: UnknownObject): void {
  // Conversion to the version that clients see always writes it, so that whoever writes the object owns it.
  setTemplateGeneration(object, readTemplateGeneration(object));
  const spec = (object as DaemonSet).spec;
  if (spec === undefined) return;
  const strategy = (spec.updateStrategy ??= {});
  if (!strategy.type) strategy.type = 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.maxUnavailable ??= 1;
    rolling.maxSurge ??= 0;
  } else if (strategy.rollingUpdate) {
    // Conversion knows no absent numbers.
    strategy.rollingUpdate.maxUnavailable ??= 0;
    strategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  defaultPodTemplate(spec.template);
}
