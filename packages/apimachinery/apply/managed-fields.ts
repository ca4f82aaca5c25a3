import type { ManagedFieldsEntry } from '../generated/types/meta/v1.ts';
import { compareGoStrings } from '../json-writer.ts';
import { type FieldSet, parseFieldSet } from './field-set.ts';

/**
 * metadata.managedFields, read and written (k8s.io/apimachinery/pkg/util/managedfields): who owns which fields.
 */
export interface Manager {
  /** Tells managers apart, and orders them: the entry without its fields and time, as JSON. */
  readonly id: string;
  readonly name: string;
  readonly applied: boolean;
  /** The version in which the fields are named. Not part of an applier's id. */
  readonly apiVersion: string;
  readonly subresource: string;
  readonly fields: FieldSet;
  /** RFC 3339; absent where an entry has none. */
  readonly time?: string;
  /** The entry this was read from, given back as long as nothing changes. */
  readonly entry?: ManagedFieldsEntry;
}

export type Managers = Map<string, Manager>;

export interface ManagerName {
  readonly name: string;
  readonly applied: boolean;
  readonly apiVersion: string;
  readonly subresource: string;
}

/** An applier is the same in every version; an updater is not. */
export function managerId({ name, applied, apiVersion, subresource }: ManagerName): string {
  return JSON.stringify({
    manager: name === '' ? undefined : name,
    operation: applied ? 'Apply' : 'Update',
    apiVersion: applied || apiVersion === '' ? undefined : apiVersion,
    subresource: subresource === '' ? undefined : subresource,
  });
}

/** Where nobody says who writes: upstream's name for it. */
export function nameOrUnknown(name: string): string {
  return name === '' ? 'unknown' : name;
}

/**
 * Entries of our own making are taken as they are; those of a client are brought into form.
 * @throws Error when they are not valid; upstream then acts as if there were none
 */
export function readManagers(entries: readonly ManagedFieldsEntry[] | undefined, trusted: boolean): Managers {
  const managers: Managers = new Map();
  if (entries === undefined || entries === null) return managers;
  entries.forEach((entry, index) => {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update')
      throw new Error('operation must be `Apply` or `Update`');
    if (!entry.apiVersion) throw new Error('apiVersion must not be empty');
    if (!entry.fieldsType) throw new Error(`missing fieldsType in managed fields entry ${index}`);
    if (entry.fieldsType !== 'FieldsV1')
      throw new Error(`invalid fieldsType ${JSON.stringify(entry.fieldsType)} in managed fields entry ${index}`);
    const raw = (entry.fieldsV1 ?? empty) as unknown as FieldSet;
    const fields = trusted ? raw : (parseFieldSet(raw) ?? empty);
    const who = {
      name: entry.manager ?? '',
      applied: entry.operation === 'Apply',
      apiVersion: entry.apiVersion,
      subresource: entry.subresource ?? '',
    };
    const id = managerId(who);
    managers.set(id, {
      ...who,
      id,
      fields,
      ...(entry.time != null && { time: entry.time }),
      ...(trusted && { entry }),
    });
  });
  return managers;
}

const empty: FieldSet = Object.freeze({});

/** Undefined for no managers. Entries that are as they were read are the same objects. */
export function writeManagers(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined;
  return [...managers.values()].sort(compareManagers).map((manager) => manager.entry ?? writeEntry(manager));
}

function writeEntry({ name, applied, apiVersion, subresource, fields, time }: Manager): ManagedFieldsEntry {
  return {
    ...(name !== '' && { manager: name }),
    operation: applied ? 'Apply' : 'Update',
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: fields as unknown as NonNullable<ManagedFieldsEntry['fieldsV1']>,
    ...(subresource !== '' && { subresource }),
  };
}

/** Appliers first, then the oldest. */
function compareManagers(a: Manager, b: Manager): number {
  if (a.applied !== b.applied) return a.applied ? -1 : 1;
  return (
    compareTimes(a, b) ||
    compareGoStrings(a.name, b.name) ||
    compareGoStrings(a.apiVersion, b.apiVersion) ||
    compareGoStrings(a.subresource, b.subresource)
  );
}

/** Times of decoded objects are in UTC and seconds, so that their texts sort as they do. No time counts as 1970. */
function compareTimes(a: Manager, b: Manager): number {
  return compareGoStrings(a.time ?? '', b.time ?? '');
}

/** How many updaters an object may have before the oldest are merged. */
const MAX_UPDATERS = 10;

/** Merges the oldest updaters of a version into one called ancient-changes until there are few enough. */
export function capUpdaters(managers: Managers, unite: (a: FieldSet, b: FieldSet) => FieldSet): void {
  const updaters = [...managers.values()].filter((manager) => !manager.applied);
  let excess = updaters.length - MAX_UPDATERS;
  if (excess <= 0) return;
  updaters.sort((a, b) => compareTimes(a, b) || compareGoStrings(a.id, b.id));
  const firstOfVersion = new Map<string, Manager>();
  for (const updater of updaters) {
    if (excess <= 0) return;
    const { apiVersion } = updater;
    const first = firstOfVersion.get(apiVersion);
    if (first === undefined) {
      firstOfVersion.set(apiVersion, updater);
      continue;
    }
    const who = { name: 'ancient-changes', applied: false, apiVersion, subresource: '' };
    const id = managerId(who);
    let bucket = managers.get(id);
    if (bucket === undefined) {
      managers.delete(first.id);
      bucket = first;
    }
    managers.delete(updater.id);
    const fields = unite(updater.fields, bucket.fields);
    // the time of the newer one
    managers.set(id, { ...who, id, fields, ...(updater.time !== undefined && { time: updater.time }) });
    excess--;
  }
}
