import type { Client } from '@nodeless/client/client';

/** A client that writes nothing any more once `isOver`: for work that nobody waits for, while somebody else may have taken it up. */
export function fenced(client: Client, isOver: () => boolean): Client {
  const open = <T>(write: () => Promise<T>): Promise<T> =>
    isOver() ? Promise.reject(new Error('the time of this work is over')) : write();
  return {
    ...client,
    create: (type, object, options) => open(() => client.create(type, object, options)),
    update: (type, object, options) => open(() => client.update(type, object, options)),
    patch: (type, key, patchType, patch, options) => open(() => client.patch(type, key, patchType, patch, options)),
    apply: (type, object, options) => open(() => client.apply(type, object, options)),
    delete: (type, key, options) => open(() => client.delete(type, key, options)),
    deleteCollection: (type, query, options) => open(() => client.deleteCollection(type, query, options)),
  };
}
