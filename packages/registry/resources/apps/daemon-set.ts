import type { DaemonSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus, metadataOf } from '../carry-over.ts';
import { defaultPodTemplate } from '../core/pod-template/defaults.ts';
import { tableOf } from '../table-of.ts';
import { daemonSetCells } from './workload-tables.ts';

/** spec.templateGeneration lives on as an annotation in apps/v1. */
const templateGeneration = 'deprecated.daemonset.template.generation';

export const daemonSet: KindDefinition = {
  group: 'apps',
  resource: 'daemonsets',
  table: tableOf<DaemonSet>('apps/daemonsets', daemonSetCells),
  strategy: {
    generation: true,
    default: defaultDaemonSet,
    prepareForCreate: (object) => {
      clearStatus(object);
      setTemplateGeneration(object, Math.max(1, readTemplateGeneration(object)));
    },
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      const changed = !deepEqual((object as DaemonSet).spec?.template, (old as DaemonSet).spec?.template);
      setTemplateGeneration(object, readTemplateGeneration(old) + (changed ? 1 : 0));
    },
    resetFields: [['status']],
    status: {
      default: defaultDaemonSet,
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        setTemplateGeneration(object, readTemplateGeneration(old));
      },
      resetFields: [['spec']],
    },
  },
};

function defaultDaemonSet(object: UnknownObject): void {
  const spec = (object as DaemonSet).spec;
  if (spec === undefined) return;
  const strategy = (spec.updateStrategy ??= {});
  if (!strategy.type) strategy.type = 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.maxUnavailable ??= 1;
    rolling.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  defaultPodTemplate(spec.template);
}

export function readTemplateGeneration(object: Readonly<UnknownObject>): number {
  const text = object.metadata?.annotations?.[templateGeneration];
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : 0;
}

function setTemplateGeneration(object: UnknownObject, value: number): void {
  const metadata = metadataOf(object);
  metadata.annotations = { ...metadata.annotations, [templateGeneration]: String(value) };
}
