import { isConditionTrue } from '@nodeless/apimachinery/conditions';
import type { CustomResourceDefinition } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { type Entry, type Store, StoreError, type Subscription } from '@nodeless/store/store';
import type { ResourceTable, ServedResource } from '../resource-table.ts';
import { servedVersion } from './served-version.ts';

export interface DefinitionsFeed {
  /** Resolves once everything that exists is served. */
  readonly ready: Promise<void>;
  /** Resolves once nothing is missing of what was delivered to the watchers before: after an interruption it is listed anew. */
  caughtUp(): Promise<void>;
  stop(): void;
}

const prefix = 'apiextensions.k8s.io/customresourcedefinitions/';

export interface DefinitionsFeedOptions {
  readonly store: Store;
  readonly resources: ResourceTable;
  /** Reads a stored value (registry/stored-value.ts). */
  readonly objectOf: (value: Entry['value']) => Readonly<object>;
  /** Told after each change of what is served. */
  readonly onChange?: () => void;
}

/**
 * Keeps the resource table equal to the CustomResourceDefinitions in the store: a resource is served from the commit
 * that establishes its definition until the one that removes it.
 */
export function feedDefinitions({
  store,
  resources,
  objectOf,
  onChange = () => {},
}: DefinitionsFeedOptions): DefinitionsFeed {
  let stopped = false;
  let interrupted = false;
  let following: Promise<void> | undefined;
  let subscription: Subscription | undefined;
  const served = new Map<string, { readonly shape: string; readonly versions: readonly ServedResource[] }>();

  const put = (definition: Readonly<CustomResourceDefinition>): void => {
    const name = definition.metadata?.name ?? '';
    const shape = shapeOf(definition);
    if (served.get(name)?.shape === shape) return;
    const versions = isConditionTrue(definition.status?.conditions, 'Established')
      ? definition.spec.versions.flatMap((version) => servedVersion(definition, version) ?? [])
      : [];
    // built-in resources cannot be taken over
    const own = versions.filter(
      (v) =>
        resources.find(v.group, v.version, v.resource)?.custom !== undefined ||
        !resources.find(v.group, v.version, v.resource),
    );
    for (const old of served.get(name)?.versions ?? []) {
      if (!own.some((v) => v.version === old.version && v.resource === old.resource))
        resources.remove(old.group, old.version, old.resource);
    }
    for (const version of own) resources.add(version);
    served.set(name, { shape, versions: own });
  };
  const drop = (name: string): void => {
    for (const old of served.get(name)?.versions ?? []) resources.remove(old.group, old.version, old.resource);
    served.delete(name);
  };
  const nameOf = (entry: Entry): string => entry.key.slice(entry.key.lastIndexOf('/') + 1);

  const follow = async (): Promise<void> => {
    const page = await store.list({ prefix });
    if (stopped) return;
    const names = new Set(page.entries.map(nameOf));
    for (const name of Array.from(served.keys())) if (!names.has(name)) drop(name);
    for (const entry of page.entries) put(objectOf(entry.value) as CustomResourceDefinition);
    onChange();
    subscription = store.watch({ prefix }, page.revision, {
      onEvents: (events) => {
        for (const event of events) {
          if (event.type === 'put') put(objectOf(event.entry.value) as CustomResourceDefinition);
          else drop(nameOf(event.entry));
        }
        onChange();
      },
      onEnd: (error) => {
        if (stopped || !(error instanceof StoreError)) return;
        // What was missed is found by listing again.
        interrupted = true;
        if (error.code !== 'unavailable') begin().catch(() => {});
      },
    });
  };
  const begin = (): Promise<void> => {
    interrupted = false;
    following = follow().catch((error: unknown) => {
      interrupted = true;
      throw error;
    });
    return following;
  };
  return {
    ready: begin(),
    async caughtUp() {
      if (interrupted) begin().catch(() => {});
      await following;
    },
    stop() {
      stopped = true;
      subscription?.stop();
    },
  };
}

/** Everything that what is served follows from: other changes of a definition make no new resource. */
function shapeOf({ metadata, spec, status }: Readonly<CustomResourceDefinition>): string {
  return JSON.stringify([
    spec,
    status?.acceptedNames,
    isConditionTrue(status?.conditions, 'Established'),
    metadata?.deletionTimestamp !== undefined,
  ]);
}
