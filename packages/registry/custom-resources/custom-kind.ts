import type { ObjectSchema } from '@nodeless/apimachinery/apply/typed-schema';
import { schemaOfOpenApi } from '@nodeless/apimachinery/apply/openapi-schema';
import { decodeObject } from '@nodeless/apimachinery/decode/decode';
import { deepCopy, deepEqual, deepFreeze } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { META_V1, typeOf } from '@nodeless/apimachinery/schema';
import { fillDefaults } from './fill-defaults.ts';
import { pruneObject } from './prune.ts';
import type { Schema } from './structural-schema.ts';

/** What stands in place of a built-in type for one version of a custom resource. */
export interface CustomKind {
  readonly schema: Schema;
  readonly applySchema: ObjectSchema;
  /**
   * Makes what a client sent an object of the kind, in place: metadata canonical, unknown fields dropped. The dropped
   * fields' paths. @throws DecodeError where metadata does not fit its type
   */
  decode(object: UnknownObject): readonly string[];
  /** Fills defaults in place. */
  default(object: UnknownObject): void;
  /**
   * The stored object as this version shows it, by today's schema: objects are as old as they are, their definition
   * may have changed since. The argument itself where nothing differs.
   */
  restore(stored: Readonly<UnknownObject>): UnknownObject;
}

export interface CustomKindOptions {
  readonly schema: Schema;
  readonly preserveUnknownFields: boolean;
  readonly apiVersion: string;
  readonly kind: string;
}

export function createCustomKind({ schema, preserveUnknownFields, apiVersion, kind }: CustomKindOptions): CustomKind {
  const objectMeta = typeOf(`${META_V1}.ObjectMeta`);
  const restored = new WeakMap<Readonly<UnknownObject>, UnknownObject>();
  const prune = (object: UnknownObject): readonly string[] =>
    preserveUnknownFields ? [] : pruneObject(object, schema);

  const restore = (stored: Readonly<UnknownObject>): UnknownObject => {
    const object = deepCopy(stored) as UnknownObject;
    object.apiVersion = apiVersion;
    prune(object);
    fillDefaults(object, schema);
    return deepEqual(object, stored) ? (stored as UnknownObject) : object;
  };
  return {
    schema,
    applySchema: schemaOfOpenApi(schema, { preserveUnknownFields, apiVersion, kind }),
    decode(object) {
      const unknown: string[] = [];
      const { metadata } = object as { metadata?: unknown };
      if (metadata !== undefined) {
        const decoded = decodeObject(metadata, objectMeta, { fieldValidation: 'Warn' });
        object.metadata = decoded.object as NonNullable<UnknownObject['metadata']>;
        for (const text of decoded.warnings) unknown.push(text.replace(/^unknown field "(.*)"$/, 'metadata.$1'));
      }
      return [...unknown, ...prune(object)];
    },
    default: (object) => fillDefaults(object, schema),
    restore(stored) {
      // only what cannot change any more can be remembered
      if (!Object.isFrozen(stored)) return restore(stored);
      let known = restored.get(stored);
      if (!known) restored.set(stored, (known = deepFreeze(restore(stored))));
      return known;
    },
  };
}

/** Everything but metadata and, unless it counts, status. */
export function contentOf(object: Readonly<UnknownObject>, withStatus: boolean): Readonly<Record<string, unknown>> {
  const { metadata: _metadata, status, apiVersion: _apiVersion, ...content } = object;
  return withStatus && status !== undefined ? { ...content, status } : content;
}
