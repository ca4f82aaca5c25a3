import { findGroup, groups, type ResourceInfo } from '@nodeless/apimachinery/resources';
import { parseApiVersion } from '@nodeless/apimachinery/object';
import type { CustomKind } from './custom-resources/custom-kind.ts';
import type { KindDefinition } from './resource.ts';

/** What is served, by group, version and plural name: generated facts joined with the kinds' own definitions. Grows at run time. */
export interface ResourceTable {
  find(group: string, version: string, resource: string): ServedResource | undefined;
  /** A version of the resource whose objects are stored under this group and resource, the storage version if it is served. */
  findStored(group: string, resource: string): ServedResource | undefined;
  /** In the order of discovery. */
  all(): readonly ServedResource[];
  /** Adds or replaces. */
  add(resource: ServedResource): void;
  remove(group: string, version: string, resource: string): void;
}

export interface ServedResource {
  readonly group: string;
  readonly version: string;
  /** Plural: `deployments`. */
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  /** `apps/v1` */
  readonly apiVersion: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** By name without the parent: `status`, `scale`. */
  readonly subresources: ReadonlyMap<string, ServedSubresource>;
  /** How objects are stored (events of events.k8s.io as core events); undefined for what is never stored (tokenreviews). */
  readonly storage: StorageLocation | undefined;
  /** OpenAPI model name of this version: `io.k8s.api.apps.v1.Deployment`; '' for what has no built-in schema. */
  readonly model: string;
  readonly definition: KindDefinition;
  /** Custom resources only: what they have in place of a built-in type. */
  readonly custom?: CustomKind;
}

export interface StorageLocation {
  readonly group: string;
  readonly resource: string;
  readonly version: string;
  readonly apiVersion: string;
  /** Model of the storage version; '' without a built-in schema. */
  readonly model: string;
  /** Start of every key: `<group>/<resource>/`. */
  readonly prefix: string;
}

export interface ServedSubresource {
  readonly name: string;
  /** The kind it takes and gives, which may be another group's (`autoscaling/v1 Scale`). */
  readonly group: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly model: string;
  readonly verbs: readonly string[];
}

export interface ResourceTableOptions {
  readonly kinds: readonly KindDefinition[];
  /** Which built-in group versions are served. Default: those that kube-apiserver serves without --runtime-config. */
  readonly serves?: (group: string, version: string, byDefault: boolean) => boolean;
}

export function createResourceTable({
  kinds,
  serves = (_g, _v, byDefault) => byDefault,
}: ResourceTableOptions): ResourceTable {
  const byPath = new Map<string, ServedResource>();
  const byStorage = new Map<string, ServedResource>();
  const definitions = new Map(kinds.map((k) => [`${k.group}/${k.resource}`, k]));
  let ordered: readonly ServedResource[] | undefined;

  const table: ResourceTable = {
    find: (group, version, resource) => byPath.get(`${group}/${version}/${resource}`),
    findStored: (group, resource) => byStorage.get(`${group}/${resource}/`),
    all: () => (ordered ??= [...byPath.values()]),
    add(resource) {
      byPath.set(pathOf(resource), resource);
      const { storage } = resource;
      if (storage) {
        const isStored = resource.group === storage.group && resource.version === storage.version;
        if (isStored || !byStorage.has(storage.prefix)) byStorage.set(storage.prefix, resource);
      }
      ordered = undefined;
    },
    remove(group, version, resource) {
      const found = table.find(group, version, resource);
      if (!found) return;
      byPath.delete(pathOf(found));
      ordered = undefined;
      if (!found.storage || byStorage.get(found.storage.prefix) !== found) return;
      byStorage.delete(found.storage.prefix);
      const other = table.all().find((r) => r.storage?.prefix === found.storage?.prefix);
      if (other) byStorage.set(found.storage.prefix, other);
    },
  };
  for (const group of groups) {
    for (const version of group.versions) {
      if (!serves(group.name, version.version, version.default)) continue;
      for (const info of version.resources) table.add(builtIn(group.name, version.version, info, definitions));
    }
  }
  return table;
}

const pathOf = (r: ServedResource): string => `${r.group}/${r.version}/${r.resource}`;
const apiVersionOf = (group: string, version: string): string => (group === '' ? version : `${group}/${version}`);

function builtIn(
  group: string,
  version: string,
  info: ResourceInfo,
  definitions: ReadonlyMap<string, KindDefinition>,
): ServedResource {
  const storage = storageOf(group, info);
  const at = storage ?? { group, resource: info.name };
  return {
    group,
    version,
    resource: info.name,
    singular: info.singular,
    kind: info.kind,
    listKind: `${info.kind}List`,
    apiVersion: apiVersionOf(group, version),
    namespaced: info.namespaced,
    verbs: info.verbs,
    shortNames: info.shortNames ?? [],
    categories: info.categories ?? [],
    subresources: new Map(
      (info.subresources ?? []).map((s) => {
        const of = { group: s.group ?? group, version: s.version ?? version };
        return [
          s.name,
          {
            name: s.name,
            ...of,
            apiVersion: apiVersionOf(of.group, of.version),
            kind: s.kind,
            model: s.model,
            verbs: s.verbs,
          },
        ];
      }),
    ),
    storage,
    model: info.model,
    definition: definitions.get(`${at.group}/${at.resource}`) ?? {
      group: at.group,
      resource: at.resource,
      strategy: {},
    },
  };
}

function storageOf(ownGroup: string, info: ResourceInfo): StorageLocation | undefined {
  // what has a storage version is not always what is stored: componentstatuses are made on the fly and have none
  if (info.storage === undefined) return undefined;
  const parsed = parseApiVersion(info.storage);
  if (!parsed) throw new Error(`bad storage version ${info.storage} of ${ownGroup}/${info.name}`);
  // the storage version's own model: another version, or another group (events)
  const stored = findGroup(parsed.group)
    ?.versions.find((v) => v.version === parsed.version)
    ?.resources.find((r) => r.name === info.name);
  return {
    group: parsed.group,
    resource: info.name,
    version: parsed.version,
    apiVersion: info.storage,
    model: stored?.model ?? info.model,
    prefix: `${parsed.group}/${info.name}/`,
  };
}
