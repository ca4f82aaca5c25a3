import { createHash } from 'node:crypto';
import { groups, type ResourceInfo } from '../resources.ts';
import { writeV2, writeV3 } from './document.ts';
import { encodeGnosticV2 } from './gnostic-v2.ts';
import { type Dialect, type Schema, V2, V3 } from './model-schemas.ts';
import { type PathItem, resourcePaths } from './operations.ts';
import { resourceListPath, serviceDocuments } from './service-paths.ts';

/**
 * The OpenAPI documents of a server: v3, one a group version with an index, and v2, one for everything.
 * Nothing is built before it is asked for; a document is built again only when its own API has changed.
 */
export interface OpenApi {
  /**
   * Sets what is served. An element that is the same object as before keeps its document, so callers replace
   * only what changes.
   */
  setApis(apis: readonly GroupVersionApi[]): void;
  /** The body of GET /openapi/v3. */
  index(): Document;
  /** The body of GET /openapi/v3/<key>, such as `apis/apps/v1`, undefined where there is no such document. */
  v3(key: string): Document | undefined;
  /** The body of GET /openapi/v2 as JSON. */
  v2(): Document;
  /** The same in protobuf (gnostic), which kubectl before 1.31 asks for. */
  v2Protobuf(): Document;
}

export interface Document {
  readonly body: Uint8Array<ArrayBuffer>;
  /** Upper-case hex, as in `?hash=`; the ETag is this in double quotes. */
  readonly hash: string;
}

/** One group version that is served. */
export interface GroupVersionApi {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly ResourceInfo[];
  /** False for custom resources: no protobuf, no strategic merge patch. */
  readonly builtin: boolean;
  /** Schemas of models that `resources` name and that are not built in, in the given dialect. */
  readonly schemas?: (dialect: Dialect) => ReadonlyMap<string, Schema>;
}

/** The built-in group versions, by default those served without --runtime-config. */
export function builtinApis(
  isServed = (_group: string, _version: string, byDefault: boolean): boolean => byDefault,
): GroupVersionApi[] {
  return groups.flatMap((group) =>
    group.versions
      .filter((v) => isServed(group.name, v.version, v.default))
      .map((v) => ({ group: group.name, version: v.version, resources: v.resources, builtin: true })),
  );
}

export function createOpenApi(gitVersion: string, initial: readonly GroupVersionApi[] = builtinApis()): OpenApi {
  let sources = new Map<string, Source>();
  let index: Document | undefined;
  let v2: Document | undefined;
  let v2Protobuf: Document | undefined;

  function setApis(apis: readonly GroupVersionApi[]): void {
    const next = new Map<string, Source>();
    for (const { key, paths } of serviceDocuments([...new Set(apis.map((a) => a.group))])) {
      next.set(key, sources.get(key) ?? { paths: () => paths, schemas: () => new Map() });
    }
    for (const api of apis) {
      const key = api.group === '' ? `api/${api.version}` : `apis/${api.group}/${api.version}`;
      const before = sources.get(key);
      next.set(
        key,
        before?.api === api
          ? before
          : { api, paths: () => pathsOf(api), schemas: (d) => api.schemas?.(d) ?? new Map() },
      );
    }
    sources = next;
    index = v2 = v2Protobuf = undefined;
  }

  function v3(key: string): Document | undefined {
    const source = sources.get(key);
    if (source === undefined) return undefined;
    source.v3 ??= toDocument(writeV3({ paths: source.paths(), schemas: source.schemas(V3), version: gitVersion }));
    return source.v3;
  }

  function writeIndex(): Document {
    const paths = [...sources.keys()]
      .sort()
      .map((key) => [key, { serverRelativeURL: `/openapi/v3/${key}?hash=${v3(key)!.hash}` }]);
    return toDocument({ paths: Object.fromEntries(paths) });
  }

  function everything(): Schema {
    const all = [...sources.values()];
    const schemas = new Map(all.flatMap((s) => [...s.schemas(V2)]));
    return writeV2({ paths: all.flatMap((s) => s.paths()), schemas, version: gitVersion });
  }

  setApis(initial);
  return {
    setApis,
    index: () => (index ??= writeIndex()),
    v3,
    v2: () => (v2 ??= toDocument(everything())),
    v2Protobuf: () => (v2Protobuf ??= withHash(encodeGnosticV2(everything()))),
  };
}

interface Source {
  readonly api?: GroupVersionApi;
  readonly paths: () => readonly PathItem[];
  readonly schemas: (dialect: Dialect) => ReadonlyMap<string, Schema>;
  v3?: Document;
}

function pathsOf(api: GroupVersionApi): PathItem[] {
  return [resourceListPath(api.group, api.version), ...api.resources.flatMap((r) => resourcePaths(api, r))];
}

function toDocument(value: Schema): Document {
  return withHash(new TextEncoder().encode(JSON.stringify(value)));
}

function withHash(body: Uint8Array<ArrayBuffer>): Document {
  return { body, hash: createHash('sha512').update(body).digest('hex').toUpperCase() };
}
