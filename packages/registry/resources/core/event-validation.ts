import type { Event } from '@nodeless/apimachinery/generated/types/core/v1';
import { isDns1123Subdomain, nameIsDnsSubdomain } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { RequestContext } from '../../strategy.ts';
import { check, checkImmutable, checkQualifiedName, type Faults, invalid, required, sameValue } from '../checks.ts';
import { internalValue } from '../internal-value.ts';

const longestText = 128;
const longestNote = 1024;

/** Events of the core group are hardly checked: there were clients before there were rules. */
const isCore = ({ apiVersion = 'v1' }: RequestContext): boolean => apiVersion === 'v1';

export function validateEvent(object: Readonly<UnknownObject>, context: RequestContext): Faults {
  const event = object as unknown as Readonly<Event>;
  const faults: Faults = [];
  checkAny(faults, event, isCore(context));
  if (isCore(context)) return faults;
  const name = object.metadata?.name;
  if (name) check(faults, 'metadata.name', name, nameIsDnsSubdomain(name, false));
  checkSeries(faults, event);
  if (!event.eventTime) faults.push(required('eventTime'));
  if (event.type !== 'Normal' && event.type !== 'Warning')
    faults.push(invalid('type', '', `has invalid value: ${event.type ?? ''}`));
  for (const field of ['firstTimestamp', 'lastTimestamp', 'count'] as const)
    if (event[field]) faults.push(invalid(field, '', 'needs to be unset'));
  if (event.source?.component || event.source?.host) faults.push(invalid('source', '', 'needs to be unset'));
  return faults;
}

export function validateEventUpdate(
  object: Readonly<UnknownObject>,
  oldObject: Readonly<UnknownObject>,
  context: RequestContext,
): Faults {
  const event = object as unknown as Readonly<Event>;
  const old = oldObject as unknown as Readonly<Event>;
  const faults: Faults = [];
  checkAny(faults, event, isCore(context));
  if (isCore(context)) return faults;
  if (!sameValue(event.series, old.series)) checkSeries(faults, event);
  const keep = (path: string, now: unknown, before: unknown, shown?: unknown): void =>
    checkImmutable(faults, path, now, before, shown ?? now);
  const text = (field: 'reason' | 'message' | 'type' | 'action' | 'reportingInstance'): void =>
    keep(field, event[field] ?? '', old[field] ?? '');
  keep(
    'involvedObject',
    event.involvedObject ?? {},
    old.involvedObject ?? {},
    internalValue('ObjectReference', event.involvedObject),
  );
  text('reason');
  text('message');
  keep('source', event.source ?? {}, old.source ?? {}, internalValue('EventSource', event.source));
  keep('firstTimestamp', event.firstTimestamp ?? null, old.firstTimestamp ?? null);
  keep('lastTimestamp', event.lastTimestamp ?? null, old.lastTimestamp ?? null);
  keep('count', event.count ?? 0, old.count ?? 0);
  text('reason');
  text('type');
  keep('eventTime', event.eventTime ?? null, old.eventTime ?? null);
  text('action');
  keep('related', event.related, old.related, event.related && internalValue('ObjectReference', event.related));
  keep('reportingController', event.reportingComponent ?? '', old.reportingComponent ?? '');
  text('reportingInstance');
  return faults;
}

function checkSeries(faults: Faults, { series }: Readonly<Event>): void {
  if (!series) return;
  if ((series.count ?? 0) < 2) faults.push(invalid('series.count', '', 'should be at least 2'));
  if (!series.lastObservedTime) faults.push(required('series.lastObservedTime'));
}

function checkAny(faults: Faults, event: Readonly<Event>, inCore: boolean): void {
  const namespace = event.metadata?.namespace ?? '';
  const about = event.involvedObject?.namespace ?? '';
  // What has no namespace of its own is reported in these.
  const homes = event.eventTime ? ['default', 'kube-system'] : ['', 'default'];
  const matches = about === '' ? homes.includes(namespace) : Boolean(event.eventTime) || namespace === about;
  if (!matches) faults.push(invalid('involvedObject.namespace', about, 'does not match event.namespace'));
  if (event.eventTime) checkNew(faults, event, inCore ? 'reportingComponent' : 'reportingController');
  check(faults, 'namespace', namespace, isDns1123Subdomain(namespace));
}

/** With an eventTime it is an event of the newer form, in whichever group. */
function checkNew(faults: Faults, event: Readonly<Event>, controllerField: string): void {
  const controller = event.reportingComponent ?? '';
  if (controller === '') faults.push(required(controllerField));
  checkQualifiedName(faults, controllerField, controller);
  for (const field of ['reportingInstance', 'action', 'reason'] as const) {
    const text = event[field] ?? '';
    if (text === '') faults.push(required(field));
    if (Buffer.byteLength(text) > longestText)
      faults.push(invalid(field, '', `can have at most ${longestText} characters`));
  }
  if (Buffer.byteLength(event.message ?? '') > longestNote)
    faults.push(invalid('message', '', `can have at most ${longestNote} characters`));
}
