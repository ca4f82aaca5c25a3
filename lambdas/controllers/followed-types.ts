/** The kinds that a controller of many kinds watches: those that are always served, and custom ones as they come and go. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { typeForKind } from '@nodeless/apimachinery/schema';
import type { ResourceType } from '@nodeless/client/client';
import { type ReconcileContext, type Result, type WatchRule, watchRule } from '@nodeless/controller-runtime/controller';
import { customResourceDefinitions } from './custom-resource-definition.ts';

type Type = ResourceType<UnknownObject>;

/** The request that looks for kinds that have come or gone; no object has such a name. */
export const refreshRequest = '/';
const retryMs = 1_000;

export const pathOf = (type: Type): string => `${type.group}/${type.version}/${type.resource}`;

export interface FollowedTypes {
  /** Rules for built-in kinds, and the one that brings `refreshRequest`. */
  readonly watches: readonly WatchRule[];
  types(): readonly Type[];
  byPath(path: string): Type | undefined;
  byKind(group: string, kind: string): Type | undefined;
  refresh(context: ReconcileContext): Promise<Result>;
}

export function followTypes(served: () => readonly Type[], ruleOf: (type: Type) => WatchRule): FollowedTypes {
  // Custom ones are found when their definitions are seen, so that they can be let go of.
  const fixed = served().filter((type) => typeForKind(type.group, type.version, type.kind) !== undefined);
  const paths = new Map(fixed.map((type) => [pathOf(type), type]));
  const ends = new Map<string, () => void>();
  let all: readonly Type[] = fixed;
  let kinds = byGroupKind(fixed);
  const changed = (): void => {
    all = [...paths.values()];
    kinds = byGroupKind(all);
  };

  return {
    watches: [
      ...fixed.map(ruleOf),
      watchRule({ type: customResourceDefinitions, requests: () => [{ name: refreshRequest }] }),
    ],
    types: () => all,
    byPath: (path) => paths.get(path),
    byKind: (group, kind) => kinds.get(`${group}/${kind}`),
    async refresh({ cache, watch }) {
      const now = new Map(served().map((type) => [pathOf(type), type]));
      for (const [path, end] of ends) {
        if (now.has(path)) continue;
        end();
        ends.delete(path);
        paths.delete(path);
      }
      for (const [path, type] of now) {
        if (paths.has(path)) continue;
        paths.set(path, type);
        // The rule is called for what is there already, and must find its kind.
        changed();
        ends.set(path, watch(ruleOf(type)));
      }
      changed();
      // A definition may be known here a moment before its objects are served.
      const definitions = await cache.list(customResourceDefinitions);
      const waiting = definitions.some(({ spec, status }) => {
        const established = status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True');
        return established && !all.some((type) => type.group === spec?.group && type.resource === spec?.names.plural);
      });
      return waiting ? { requeueAfterMs: retryMs } : {};
    },
  };
}

const byGroupKind = (types: readonly Type[]): Map<string, Type> =>
  new Map(types.map((type) => [`${type.group}/${type.kind}`, type]));
