import data from './generated/resources.json' with { type: 'json' };

/**
 * The built-in resources of Kubernetes v1.36 as kube-apiserver serves them: groups in discovery's order,
 * versions by priority, resources by name. Shared data: it must not be changed.
 */

export interface SubresourceInfo {
  /** `status`, `scale`, `log` */
  readonly name: string;
  /** Set (with version) where the body's kind is of another group version than the resource. */
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  /** OpenAPI name of the body's type, for `typeOf` */
  readonly model: string;
  readonly verbs: readonly string[];
}

export interface ResourceInfo {
  /** plural: `pods` */
  readonly name: string;
  readonly singular: string;
  readonly kind: string;
  /** OpenAPI name of the type, for `typeOf` */
  readonly model: string;
  /** The list's type; only where there is a list verb. */
  readonly listModel?: string;
  readonly namespaced: boolean;
  /** sorted */
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Group version that objects are stored in (`v1`, `autoscaling/v2`); absent where nothing is stored. */
  readonly storage?: string;
  /** base64 of the first 8 bytes of sha256("group/version/kind") of the stored kind */
  readonly storageVersionHash?: string;
  /** A DELETE that removes the object at once answers with the object; elsewhere with a Status. */
  readonly deleteReturnsObject?: boolean;
  readonly subresources?: readonly SubresourceInfo[];
}

export interface VersionInfo {
  readonly version: string;
  /** versionPriority of its APIService */
  readonly priority: number;
  /** Served without --runtime-config: true for stable versions only. */
  readonly default: boolean;
  readonly resources: readonly ResourceInfo[];
}

export interface GroupInfo {
  /** empty for core */
  readonly name: string;
  /** groupPriorityMinimum of its APIServices */
  readonly priority: number;
  readonly versions: readonly VersionInfo[];
}

export const groups: readonly GroupInfo[] = data;

const versions = new Map<string, VersionInfo>();
const resources = new Map<string, ResourceInfo>();
const kinds = new Map<string, ResourceInfo>();
for (const group of groups) {
  for (const version of group.versions) {
    versions.set(`${group.name}/${version.version}`, version);
    for (const resource of version.resources) {
      resources.set(`${group.name}/${version.version}/${resource.name}`, resource);
      kinds.set(`${group.name}/${version.version}/${resource.kind}`, resource);
    }
  }
}

export function findGroup(group: string): GroupInfo | undefined {
  return groups.find((g) => g.name === group);
}

export function findVersion(group: string, version: string): VersionInfo | undefined {
  return versions.get(`${group}/${version}`);
}

/** By plural name, also of versions that are not served by default. */
export function findResource(group: string, version: string, name: string): ResourceInfo | undefined {
  return resources.get(`${group}/${version}/${name}`);
}

export function findResourceOfKind(group: string, version: string, kind: string): ResourceInfo | undefined {
  return kinds.get(`${group}/${version}/${kind}`);
}

export function findSubresource(resource: ResourceInfo, name: string): SubresourceInfo | undefined {
  return resource.subresources?.find((s) => s.name === name);
}
