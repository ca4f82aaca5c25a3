import { applyPatch } from '@nodeless/apimachinery/apply/apply-patch';
import { setOfFields } from '@nodeless/apimachinery/apply/field-set';
import { schemaOfType } from '@nodeless/apimachinery/apply/typed-schema';
import { type FieldContext, updateManagedFields } from '@nodeless/apimachinery/apply/update-managed-fields';
import { decodeObject } from '@nodeless/apimachinery/decode/decode';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { typeForKind } from '@nodeless/apimachinery/schema';

export type Json = Record<string, unknown>;
export type Any = KubernetesObject & Json;

export interface Owner {
  readonly manager: string;
  readonly fields: string;
  readonly operation?: string;
  readonly time?: string | undefined;
  readonly subresource?: string;
}

/** One object of a built-in kind, written by several managers. Time passes by a second a write. */
export function createSubject(apiVersion: string, kind: string, options: Partial<FieldContext> = {}) {
  const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
  const type = typeForKind(group, version, kind);
  if (type === undefined) throw new Error(`no kind ${kind}`);
  let live: Any | undefined;
  let seconds = 0;
  const freeze = <T>(value: T): T => {
    if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
      Object.freeze(value);
      for (const member of Object.values(value)) freeze(member);
    }
    return value;
  };
  const context = (subresource = ''): FieldContext => ({
    schema: schemaOfType(type),
    apiVersion,
    subresource,
    time: `2024-01-01T00:00:${String(seconds++).padStart(2, '0')}Z`,
    ...options,
  });
  const store = (object: KubernetesObject): Any => {
    live = freeze({ ...object, metadata: { uid: 'u', ...object.metadata } }) as Any;
    return live;
  };
  return {
    get live(): Any {
      if (live === undefined) throw new Error('nothing there yet');
      return live;
    },
    /** A create or an update with the whole object. */
    put(manager: string, object: Json, subresource = ''): Any {
      const updated = decodeObject({ apiVersion, kind, ...object }, type).object as Any;
      updated.metadata = { uid: live?.metadata?.uid, ...updated.metadata } as NonNullable<Any['metadata']>;
      const managedFields = updateManagedFields({ ...context(subresource), live, updated, manager });
      const { managedFields: _, ...metadata } = updated.metadata ?? {};
      return store({ ...updated, metadata: { ...metadata, ...(managedFields && { managedFields }) } });
    },
    /** An update that starts from the live object, as controllers do. */
    edit(manager: string, change: (object: Any) => Any, subresource = ''): Any {
      const updated = change(live as Any);
      const managedFields = updateManagedFields({ ...context(subresource), live, updated, manager });
      const { managedFields: _, ...metadata } = updated.metadata ?? {};
      return store({ ...updated, metadata: { ...metadata, ...(managedFields && { managedFields }) } });
    },
    apply(manager: string, patch: Json, { force = false, subresource = '' } = {}): Any {
      const applied = applyPatch({
        ...context(subresource),
        live,
        patch: { apiVersion, kind, ...patch },
        manager,
        force,
        kind,
      });
      return store(applied.object);
    },
    owners(): Owner[] {
      return (live?.metadata?.managedFields ?? []).map((entry) => ({
        manager: entry.manager ?? '',
        fields: JSON.stringify(entry.fieldsV1),
        operation: entry.operation ?? '',
        time: entry.time ?? undefined,
        ...(entry.subresource && { subresource: entry.subresource }),
      }));
    },
    /** Fields by manager, for the common case. */
    fields(): Record<string, string> {
      return Object.fromEntries(
        (live?.metadata?.managedFields ?? []).map((entry) => [entry.manager ?? '', JSON.stringify(entry.fieldsV1)]),
      );
    },
  };
}

export const reset = (...fields: string[]) => ({ resetFields: setOfFields(fields.map((field) => [field])) });
