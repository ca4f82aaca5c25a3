/** Where ECS reads what must not stand in a task definition: values of Secrets in environments, and registry credentials. */
import { createHmac } from 'node:crypto';
import { parseImageReference } from '../../runtime/image-reference.ts';
import type { ResolvedPod } from '../provider.ts';
import type { SecretNames } from './task-definition.ts';

/** A place for values that ECS can read. Names are chosen by content, so that writing is idempotent. */
export interface SecretPlace {
  /** Makes it unless it is there; the same name always has the same value. */
  put(name: string, value: string): Promise<void>;
}

export interface SecretKeeper extends SecretNames {
  /** Writes everything whose name was given out and is not known to be there. */
  keep(): Promise<void>;
}

export interface SecretPlaces {
  /** SSM parameters, encrypted: `/nodeless/<cluster>/values/<digest>`. */
  readonly values: SecretPlace;
  /** Secrets Manager, the only place from which ECS takes registry credentials: `nodeless-<cluster>-registry-<digest>`. */
  readonly credentials: SecretPlace;
  /** Path of the parameters, without a slash at its end. */
  readonly path: string;
  readonly cluster: string;
  /** Of this cluster alone: names must not let anybody guess values. */
  key(): Promise<Uint8Array>;
}

/** Holds what was written before in this process. */
export function createSecretKeeping(places: SecretPlaces): { forPod(pod: ResolvedPod): Promise<SecretKeeper> } {
  const written = new Set<string>();
  let key: Promise<Uint8Array> | undefined;

  return {
    async forPod(pod) {
      const needed =
        pod.pullSecrets.length > 0 || Object.values(pod.containers).some((c) => (c.particular?.secret.length ?? 0) > 0);
      key ??= needed ? places.key() : undefined;
      key?.catch(() => {
        key = undefined;
      });
      const secret = needed ? await key : undefined;
      const pending = new Map<string, { place: SecretPlace; value: string }>();
      const nameOf = (value: string): string =>
        createHmac('sha256', secret as Uint8Array)
          .update(value)
          .digest('hex')
          .slice(0, 40);
      const note = (name: string, place: SecretPlace, value: string): string => {
        if (!written.has(name)) pending.set(name, { place, value });
        return name;
      };
      return {
        secretFor: (value) => note(`${places.path}/values/${nameOf(value)}`, places.values, value),
        credentialsFor(image) {
          const registry = parseImageReference(image)?.registry;
          const found = pod.pullSecrets.find((s) => s.registry === registry);
          if (!found) return undefined;
          // The members that ECS expects of such a secret.
          const value = JSON.stringify({ username: found.username, password: found.password });
          return note(`nodeless-${places.cluster}-registry-${nameOf(value)}`, places.credentials, value);
        },
        async keep() {
          await Promise.all(
            [...pending].map(async ([name, { place, value }]) => {
              await place.put(name, value);
              written.add(name);
            }),
          );
        },
      };
    },
  };
}
