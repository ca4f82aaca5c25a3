/** What is served, by group, version and plural name: generated facts joined with the kinds' own definitions. Grows at run time. */
import type { KindDefinition } from './resource.ts';

export interface ServedResource {
  readonly group: string;
  readonly version: string;
  /** Plural: `deployments`. */
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Names without the parent: `status`, `scale`. */
  readonly subresources: ReadonlyMap<string, ServedSubresource>;
  /** Group, resource and version under which objects are stored (events.k8s.io events are stored as core events). */
  readonly storage: { readonly group: string; readonly resource: string; readonly version: string };
  /** OpenAPI model name of this version: `io.k8s.api.apps.v1.Deployment`; '' for what has no built-in schema. */
  readonly model: string;
  readonly definition: KindDefinition;
}

export interface ServedSubresource {
  readonly name: string;
  /** The kind it takes and gives, which may be another group's (`autoscaling/v1 Scale`). */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

export interface ResourceTable {
  find(group: string, version: string, resource: string): ServedResource | undefined;
  /** In the order of discovery. */
  all(): readonly ServedResource[];
  add(resource: ServedResource): void;
  remove(group: string, version: string, resource: string): void;
}
