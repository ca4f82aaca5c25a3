import type { CSINode } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { KindDefinition } from '../../resource.ts';
import { validateCsiNode, validateCsiNodeUpdate } from './csi-node-validation.ts';
import { tableOf } from '../table-of.ts';

export const csiNode: KindDefinition = {
  group: 'storage.k8s.io',
  resource: 'csinodes',
  table: tableOf<CSINode>('storage.k8s.io/csinodes', ({ spec }, { name, age }) => [
    name,
    spec?.drivers?.length ?? 0,
    age,
  ]),
  strategy: { allowUnconditionalUpdate: false, validate: validateCsiNode, validateUpdate: validateCsiNodeUpdate },
};
