/** The discovery documents, built from what is served and kept until that changes. */
import { findGroup, findVersion } from '@nodeless/apimachinery/resources';
import type { ResourceTable, ServedResource } from '@nodeless/registry/resource-table';
import { createHash } from 'node:crypto';

export interface Document {
  readonly bytes: Uint8Array;
  /** Without quotes. */
  readonly etag: string;
}

/** Everything about one state of the resource table. */
export interface Discovery {
  /** The groups that are served, the core group left out. */
  readonly groups: ReadonlySet<string>;
  /** `/api/v1`, `/apis/apps/v1`: APIResourceList. */
  resourceList(group: string, version: string): Document | undefined;
  /** `/apis/apps`: APIGroup. */
  group(group: string): Document | undefined;
  /** `/apis`: APIGroupList. */
  groupList(): Document;
  /** `/api` and `/apis` for clients that take everything at once. */
  aggregated(form: 'api' | 'apis', version: 'v2' | 'v2beta1'): Document;
  /** The paths below `/apis` and `/api` that `/` lists. */
  paths(): readonly string[];
}

interface Version {
  readonly version: string;
  readonly resources: ServedResource[];
}
interface Group {
  readonly name: string;
  /** Preferred first. */
  readonly versions: Version[];
}

const encode = (value: unknown): Document => {
  const bytes = Buffer.from(JSON.stringify(value));
  return { bytes, etag: createHash('sha512').update(bytes).digest('hex').toUpperCase() };
};

/** Makes each document when it is first asked for. */
function lazily<K>(make: (key: K) => unknown): (key: K) => Document | undefined {
  const made = new Map<K, Document | undefined>();
  return (key) => {
    if (!made.has(key)) {
      const value = make(key);
      made.set(key, value === undefined ? undefined : encode(value));
    }
    return made.get(key);
  };
}

export function discoveryOf(resources: ResourceTable): () => Discovery {
  let seen: readonly ServedResource[] | undefined;
  let current: Discovery | undefined;
  return () => {
    const all = resources.all();
    if (all !== seen || !current) [seen, current] = [all, createDiscovery(all)];
    return current;
  };
}

function createDiscovery(all: readonly ServedResource[]): Discovery {
  const byName = new Map<string, Group>();
  for (const served of all) {
    let group = byName.get(served.group);
    if (!group) byName.set(served.group, (group = { name: served.group, versions: [] }));
    let version = group.versions.find((v) => v.version === served.version);
    if (!version) group.versions.push((version = { version: served.version, resources: [] }));
    version.resources.push(served);
  }
  for (const group of byName.values()) if (!findGroup(group.name)) group.versions.sort(byMaturity);
  const core = byName.get('');
  const named = [...byName.values()].filter((group) => group.name !== '').sort(byPriority);
  const find = (name: string, version: string): Version | undefined =>
    byName.get(name)?.versions.find((v) => v.version === version);

  const list = lazily((key: string) => {
    const slash = key.indexOf('/');
    const version = find(key.slice(0, slash), key.slice(slash + 1));
    return version && resourceListOf(version);
  });
  const group = lazily((name: string) => {
    const found = name === '' ? undefined : byName.get(name);
    return found && { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(found) };
  });
  const groupList = lazily<0>(() => ({ kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(groupOf) }));
  const aggregated = lazily((key: string) => {
    const [form, version] = key.split(' ');
    const groups = form === 'api' ? (core ? [core] : []) : named;
    return {
      kind: 'APIGroupDiscoveryList',
      apiVersion: `apidiscovery.k8s.io/${version}`,
      metadata: {},
      items: groups.map(aggregatedGroup),
    };
  });
  return {
    groups: new Set(named.map(({ name }) => name)),
    resourceList: (name, version) => list(`${name}/${version}`),
    group,
    groupList: () => groupList(0) as Document,
    aggregated: (form, version) => aggregated(`${form} ${version}`) as Document,
    paths: () => [
      '/api',
      ...(core?.versions.map(({ version }) => `/api/${version}`) ?? []),
      '/apis',
      ...named.flatMap(({ name, versions }) => [
        `/apis/${name}`,
        ...versions.map(({ version }) => `/apis/${name}/${version}`),
      ]),
    ],
  };
}

/** The order of kube-aggregator: by the groups' priority, custom groups after them. */
function byPriority(a: Group, b: Group): number {
  const [first, second] = [findGroup(a.name), findGroup(b.name)];
  const order = (second?.priority ?? 1000) - (first?.priority ?? 1000);
  return order !== 0 || first || second ? order : a.name < b.name ? -1 : 1;
}

/** The order of a custom group's versions: v2, v1, v1beta1, v1alpha1, then all others by name (apimachinery's CompareKubeAwareVersionStrings). */
function byMaturity(a: Version, b: Version): number {
  const [first, second] = [maturity(a.version), maturity(b.version)];
  if (!first || !second) return first ? -1 : second ? 1 : a.version < b.version ? -1 : 1;
  return second[0] - first[0] || second[1] - first[1] || second[2] - first[2];
}

function maturity(version: string): [stage: number, major: number, minor: number] | undefined {
  const found = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  return found
    ? [found[2] === undefined ? 2 : found[2] === 'beta' ? 1 : 0, Number(found[1]), Number(found[3] ?? 0)]
    : undefined;
}

function groupOf({ name, versions }: Group): object {
  const named = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: named, preferredVersion: named[0] };
}

const optional = (name: string, values: readonly string[]): object => (values.length === 0 ? {} : { [name]: values });

/** Clients tell by it that the storage version has changed. */
function hashOf(served: ServedResource): object {
  if (served.custom && served.storage) {
    const bytes = createHash('sha256').update(`${served.storage.apiVersion}/${served.kind}`).digest();
    return { storageVersionHash: bytes.subarray(0, 8).toString('base64') };
  }
  const hash = findVersion(served.group, served.version)?.resources.find(
    (r) => r.name === served.resource,
  )?.storageVersionHash;
  return hash === undefined ? {} : { storageVersionHash: hash };
}

function resourceListOf({ resources }: Version): object {
  const first = resources[0] as ServedResource;
  const entries = resources.flatMap((served) => [
    {
      name: served.resource,
      singularName: served.singular,
      namespaced: served.namespaced,
      kind: served.kind,
      verbs: served.verbs,
      ...optional('shortNames', served.shortNames),
      ...optional('categories', served.categories),
      ...hashOf(served),
    },
    ...[...served.subresources.values()].map((sub) => ({
      name: `${served.resource}/${sub.name}`,
      singularName: '',
      namespaced: served.namespaced,
      ...(sub.group === served.group && sub.version === served.version
        ? {}
        : { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: sub.verbs,
    })),
  ]);
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  // The legacy list never named its own version.
  const own = first.group === '' ? { kind: 'APIResourceList' } : { kind: 'APIResourceList', apiVersion: 'v1' };
  return { ...own, groupVersion: first.apiVersion, resources: entries };
}

function aggregatedGroup({ name, versions }: Group): object {
  return {
    metadata: name === '' ? {} : { name },
    versions: versions.map(({ version, resources }) => ({
      version,
      resources: resources.map(aggregatedResource),
      freshness: 'Current',
    })),
  };
}

function aggregatedResource(served: ServedResource): object {
  const responseKind = (of: { group: string; version: string; kind: string }): object => {
    const own = of.group === served.group && of.version === served.version && served.storage?.model !== '';
    return own ? { group: '', version: '', kind: of.kind } : { group: of.group, version: of.version, kind: of.kind };
  };
  const subresources = [...served.subresources.values()]
    .map((sub) => ({ subresource: sub.name, responseKind: responseKind(sub), verbs: sub.verbs }))
    .sort((a, b) => (a.subresource < b.subresource ? -1 : 1));
  return {
    resource: served.resource,
    responseKind: responseKind(served),
    scope: served.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: served.singular,
    verbs: served.verbs,
    ...optional('shortNames', served.shortNames),
    ...optional('categories', served.categories),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}
