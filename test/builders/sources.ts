import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { InformerChange } from '@nodeless/client/informer';
import type { Source } from '../../local/services/service-index.ts';

/** Objects that a test puts and takes away, seen as through an informer. */
export interface ObjectSource<T> extends Source<T> {
  put(object: T): void;
  remove(object: T): void;
}

export function createObjectSource<T extends KubernetesObject>(): ObjectSource<T> {
  const objects = new Map<string, T>();
  const listeners = new Set<(change: InformerChange<T>) => void>();
  const keyOf = ({ metadata }: T): string => `${metadata?.namespace}/${metadata?.name}`;
  return {
    subscribe(listener) {
      for (const object of objects.values()) listener({ type: 'added', object, previous: undefined });
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    put(object) {
      const previous = objects.get(keyOf(object));
      objects.set(keyOf(object), object);
      for (const listener of listeners)
        listener(previous ? { type: 'modified', object, previous } : { type: 'added', object, previous });
    },
    remove(object) {
      const previous = objects.get(keyOf(object));
      if (!previous) return;
      objects.delete(keyOf(object));
      for (const listener of listeners) listener({ type: 'deleted', object: previous, previous });
    },
  };
}
