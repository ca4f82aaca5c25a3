import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { Client, ResourceType } from '@nodeless/client/client';
import type { Clock } from '@nodeless/component-base/clock';
import type { SharedInformers } from './informer-lister.ts';

/** A watch that does not come back must not hold a controller for ever: it goes on with what it knows. */
const patienceMs = 5_000;

/**
 * A client whose writes return once the informers have seen them, so that a controller never acts twice on a state that it has
 * changed itself: what client-go's controllers keep expectations for. Costs nothing where watches deliver before writes return.
 */
export function seeOwnWrites(client: Client, informers: SharedInformers, clock: Clock): Client {
  const seen = async <T extends KubernetesObject>(type: ResourceType<T>, written: Promise<T>): Promise<T> => {
    const object = await written;
    const { resourceVersion } = object.metadata ?? {};
    const pending = resourceVersion === undefined ? undefined : informers.peek(type)?.caughtUp(resourceVersion);
    if (pending) await patiently(pending, clock);
    return object;
  };
  return {
    ...client,
    create: (type, object, options) => seen(type, client.create(type, object, options)),
    update: (type, object, options) => seen(type, client.update(type, object, options)),
    patch: (type, key, patchType, patch, options) => seen(type, client.patch(type, key, patchType, patch, options)),
    apply: (type, object, options) => seen(type, client.apply(type, object, options)),
  };
}

function patiently(pending: Promise<void>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(resolve, patienceMs);
    void pending.then(() => {
      timer.cancel();
      resolve();
    });
  });
}
