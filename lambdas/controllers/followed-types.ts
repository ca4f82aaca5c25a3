/** The kinds that a controller of many kinds watches: those that are always served, and custom ones as they come and go. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';
import { type ReconcileContext, type Result, type WatchRule, watchRule } from '@nodeless/controller-runtime/controller';
import { customResourceDefinitions } from './custom-resource-definition.ts';

type Type = ResourceType<UnknownObject>;

/** The request that looks for kinds that have come or gone; no object has such a name. */
export const refreshRequest = '/';
const retryMs = 1_000;

export const pathOf = (type: Type): string => `${type.group}/${type.version}/${type.resource}`;

export interface FollowedTypes {
  /** A rule for each kind that is served now, and the one that brings `refreshRequest`. */
  readonly watches: () => readonly WatchRule[];
  types(): readonly Type[];
  byPath(path: string): Type | undefined;
  byKind(group: string, kind: string): Type | undefined;
  refresh(context: ReconcileContext): Promise<Result>;
}

/** `served` is asked often: it gives the same array for as long as nothing comes or goes. */
export function followTypes(served: () => readonly Type[], ruleOf: (type: Type) => WatchRule): FollowedTypes {
  const definitions = watchRule({ type: customResourceDefinitions, requests: () => [{ name: refreshRequest }] });
  let seen: readonly Type[] | undefined;
  let types: readonly Type[] = [];
  let paths = new Map<string, Type>();
  let kinds = new Map<string, Type>();
  let rules = new Map<Type, WatchRule>();

  /** What stays keeps its type and its rule, so that nobody begins to watch it anew. */
  const kept = (type: Type): Type => {
    const known = paths.get(pathOf(type));
    return known?.kind === type.kind && known.namespaced === type.namespaced ? known : type;
  };
  const look = (): void => {
    const now = served();
    if (now === seen) return;
    seen = now;
    types = now.map(kept);
    paths = new Map(types.map((type) => [pathOf(type), type]));
    kinds = new Map(types.map((type) => [`${type.group}/${type.kind}`, type]));
    rules = new Map(types.map((type) => [type, rules.get(type) ?? ruleOf(type)]));
  };

  return {
    watches() {
      look();
      return [...rules.values(), definitions];
    },
    types() {
      look();
      return types;
    },
    byPath(path) {
      look();
      return paths.get(path);
    },
    byKind(group, kind) {
      look();
      return kinds.get(`${group}/${kind}`);
    },
    async refresh({ cache, rulesChanged }) {
      look();
      rulesChanged();
      // A definition may be known here a moment before its objects are served.
      const waiting = (await cache.list(customResourceDefinitions)).some(({ spec, status }) => {
        const established = status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True');
        if (!established || spec === undefined) return false;
        return !types.some((type) => type.group === spec.group && type.resource === spec.names.plural);
      });
      return waiting ? { requeueAfterMs: retryMs } : {};
    },
  };
}
