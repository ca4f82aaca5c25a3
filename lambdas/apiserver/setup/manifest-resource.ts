/** Objects that a stack holds: applied when it is made or changed, deleted when they are no longer in it. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { isNotFound } from '@nodeless/apimachinery/status';
import type { Client, ResourceType } from '@nodeless/client/client';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import type { CustomResource } from './custom-resource.ts';

export interface ManifestResourceDeps {
  readonly client: () => Promise<Client>;
  /** undefined: the cluster serves no such kind (yet). */
  readonly typeOf: (object: UnknownObject) => Promise<ResourceType<UnknownObject> | undefined>;
  readonly clock: Clock;
}

const fieldManager = 'cloudformation';
/** What others need is made first and goes last. */
const first = ['CustomResourceDefinition', 'Namespace', 'ServiceAccount'];
/** A definition that has just been made is served when its controller has looked at it. */
const waitMs = 2_000;
const waits = 30;

export function createManifestResource({ client, typeOf, clock }: ManifestResourceDeps): CustomResource {
  const find = async (
    object: UnknownObject,
    tries: number,
    signal: AbortSignal,
  ): Promise<ResourceType<UnknownObject> | undefined> => {
    for (let i = 0; ; i++) {
      const type = await typeOf(object);
      if (type || i >= tries) return type;
      await sleep(clock, waitMs, signal);
    }
  };
  const explain = (verb: string, object: UnknownObject, error: unknown): Error =>
    new Error(`cannot ${verb} ${nameOf(object)}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });

  return {
    physicalId: ({ LogicalResourceId }) => `manifest-${LogicalResourceId}`,
    async act({ RequestType, ResourceProperties, OldResourceProperties }, signal) {
      const wanted = RequestType === 'Delete' ? [] : objectsOf(ResourceProperties['Manifest']);
      const before =
        RequestType === 'Delete'
          ? leniently(ResourceProperties['Manifest'])
          : RequestType === 'Update'
            ? leniently(OldResourceProperties?.['Manifest'])
            : [];
      const into = await client();
      for (const object of wanted) {
        const type = await find(object, waits, signal);
        if (!type) throw new Error(`cannot apply ${nameOf(object)}: the cluster serves no such kind`);
        try {
          await into.apply(type, withNamespace(object, type), { fieldManager, force: true });
        } catch (error) {
          throw explain('apply', object, error);
        }
      }
      const kept = new Set(wanted.map(identity));
      for (const object of before.filter((one) => !kept.has(identity(one))).toReversed()) {
        const type = await find(object, 0, signal);
        if (!type) continue;
        const { namespace, name = '' } = withNamespace(object, type).metadata ?? {};
        try {
          await into.delete(type, { namespace, name }, { propagationPolicy: 'Background' });
        } catch (error) {
          if (!isNotFound(error)) throw explain('delete', object, error);
        }
      }
    },
  };
}

/** Throws an Error that says what is wrong with a manifest. */
function objectsOf(manifest: unknown): UnknownObject[] {
  const value: unknown = typeof manifest === 'string' ? JSON.parse(manifest) : manifest;
  const objects = (Array.isArray(value) ? value : [value]) as UnknownObject[];
  for (const object of objects)
    if (!object?.apiVersion || !object.kind || !object.metadata?.name)
      throw new Error('an object of the manifest lacks apiVersion, kind or metadata.name');
  const rank = ({ kind = '' }: UnknownObject): number => (first.includes(kind) ? first.indexOf(kind) : first.length);
  return objects.toSorted((a, b) => rank(a) - rank(b));
}

/** What could never be applied need not be deleted: a rollback must not stop at it. */
function leniently(manifest: unknown): UnknownObject[] {
  try {
    return objectsOf(manifest);
  } catch {
    return [];
  }
}

function withNamespace(object: UnknownObject, type: ResourceType<UnknownObject>): UnknownObject {
  if (!type.namespaced || object.metadata?.namespace) return object;
  return { ...object, metadata: { ...object.metadata, namespace: 'default' } };
}

const identity = ({ apiVersion, kind, metadata }: UnknownObject): string =>
  JSON.stringify([apiVersion?.replace(/\/?[^/]*$/, ''), kind, metadata?.namespace ?? '', metadata?.name]);
const nameOf = ({ kind, metadata }: UnknownObject): string =>
  `${kind} ${metadata?.namespace ? `${metadata.namespace}/` : ''}${metadata?.name}`;
