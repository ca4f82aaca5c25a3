import type { ControllerRevision } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { KindDefinition } from '../../resource.ts';
import { tableOf } from '../table-of.ts';
import { validateControllerRevision, validateControllerRevisionUpdate } from './controller-revision-validation.ts';
import { controllerCell } from './workload-tables.ts';

export const controllerRevision: KindDefinition = {
  group: 'apps',
  resource: 'controllerrevisions',
  table: tableOf<ControllerRevision>('apps/controllerrevisions', (object, { name, age }) => [
    name,
    controllerCell(object),
    object.revision ?? 0,
    age,
  ]),
  strategy: { validate: validateControllerRevision, validateUpdate: validateControllerRevisionUpdate },
};
