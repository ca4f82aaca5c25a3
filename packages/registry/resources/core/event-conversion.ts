/** The same event as v1 (stored) and as events.k8s.io/v1, where other names are the main ones. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { Conversion } from '../../resource.ts';

/** v1 name ← events.k8s.io name; what is not listed has one name. */
const names: readonly (readonly [stored: string, served: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

export const eventsV1: Conversion = {
  toStorage: (object) => rename(object, 'v1', new Map(names.map(([stored, served]) => [served, stored]))),
  fromStorage: (object) => rename(object, 'events.k8s.io/v1', new Map(names)),
};

function rename(object: Readonly<UnknownObject>, apiVersion: string, to: ReadonlyMap<string, string>): UnknownObject {
  const renamed: UnknownObject = {};
  for (const field of Object.keys(object)) renamed[to.get(field) ?? field] = object[field];
  renamed.apiVersion = apiVersion;
  return renamed;
}
