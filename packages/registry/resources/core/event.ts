import type { Event } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { KindDefinition } from '../../resource.ts';
import { eventsV1 } from './event-conversion.ts';
import { tableOf } from '../table-of.ts';
import { validateEvent, validateEventUpdate } from './event-validation.ts';
import { eventCells } from './event-table.ts';

export const event: KindDefinition = {
  group: '',
  resource: 'events',
  table: tableOf<Event>('/events', eventCells),
  strategy: {
    allowCreateOnUpdate: true,
    defaultPropagation: 'Unsupported',
    validateName: isPathSegmentName,
    validate: validateEvent,
    validateUpdate: validateEventUpdate,
    fieldNames: [
      'involvedObject.kind',
      'involvedObject.namespace',
      'involvedObject.name',
      'involvedObject.uid',
      'involvedObject.apiVersion',
      'involvedObject.resourceVersion',
      'involvedObject.fieldPath',
      'reason',
      'reportingComponent',
      'source',
      'type',
    ],
    selectableFields: (object) => {
      const event = object as unknown as Event;
      const about = event.involvedObject ?? {};
      return {
        'involvedObject.kind': about.kind ?? '',
        'involvedObject.namespace': about.namespace ?? '',
        'involvedObject.name': about.name ?? '',
        'involvedObject.uid': about.uid ?? '',
        'involvedObject.apiVersion': about.apiVersion ?? '',
        'involvedObject.resourceVersion': about.resourceVersion ?? '',
        'involvedObject.fieldPath': about.fieldPath ?? '',
        reason: event.reason ?? '',
        reportingComponent: event.reportingComponent ?? '',
        source: event.source?.component || event.reportingComponent || '',
        type: event.type ?? '',
      };
    },
  },
  conversions: { 'events.k8s.io/v1': eventsV1 },
};
