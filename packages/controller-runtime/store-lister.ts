import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';
import type { Lister } from './controller.ts';
import type { SharedInformers } from './informer-lister.ts';

/**
 * A Lister for functions, which sleep between invocations: caches stay warm, and each kind is brought up to date once an
 * invocation, when it is first asked for. What this process writes is in its caches before the write returns.
 */
export interface StoreLister {
  readonly informers: SharedInformers;
  /** For one invocation. */
  begin(): InvocationLister;
}

export interface InvocationLister extends Lister {
  /** Forgets that anything is up to date: the next look at each kind asks the store again. */
  renew(): void;
}

export function createStoreLister(informers: SharedInformers): StoreLister {
  // Whatever informer is asked for from now on starts at once.
  void informers.start();
  return {
    informers,
    begin() {
      /** By path; true once it is up to date. */
      const fresh = new Map<string, true | Promise<void>>();
      const refreshed = (type: ResourceType<KubernetesObject>): true | Promise<void> => {
        const path = `${type.group}/${type.version}/${type.resource}`;
        let state = fresh.get(path);
        if (state === undefined) {
          state = informers.informer(type).refresh();
          fresh.set(path, state);
          state.then(
            () => {
              if (fresh.get(path) === state) fresh.set(path, true);
            },
            () => {
              if (fresh.get(path) === state) fresh.delete(path);
            },
          );
        }
        return state;
      };
      const when = <R>(type: ResourceType<KubernetesObject>, answer: () => R | Promise<R>): R | Promise<R> => {
        const state = refreshed(type);
        return state === true ? answer() : state.then(answer);
      };
      const { lister } = informers;
      return {
        renew: () => fresh.clear(),
        get: (type, key) => when(type, () => lister.get(type, key)),
        list: (type, namespace) => when(type, () => lister.list(type, namespace)),
        ownedBy: (type, ownerUid, namespace) => when(type, () => lister.ownedBy(type, ownerUid, namespace)),
        onNode: (type, nodeName) => when(type, () => lister.onNode(type, nodeName)),
      };
    },
  };
}
