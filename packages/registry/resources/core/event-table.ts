import type { Event } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Row } from '../table-of.ts';

export function eventCells(event: Readonly<Event>, { name, since }: Row): unknown[] {
  const { involvedObject: about, series, source } = event;
  const first = since(event.firstTimestamp || event.eventTime);
  const last = series ? since(series.lastObservedTime) : event.lastTimestamp ? since(event.lastTimestamp) : first;
  const count = series ? (series.count ?? 0) : event.count || 1;
  const kind = (about?.kind ?? '').toLowerCase();
  const component = source?.component || event.reportingComponent || '';
  const instance = source?.host || event.reportingInstance || '';
  return [
    last,
    event.type ?? '',
    event.reason ?? '',
    about?.name ? `${kind}/${about.name}` : kind,
    about?.fieldPath ?? '',
    instance ? `${component}, ${instance}` : component,
    (event.message ?? '').trim(),
    first,
    count,
    name,
  ];
}
