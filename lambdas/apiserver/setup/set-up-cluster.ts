/** What is made once with a cluster: the key that signs ServiceAccount tokens, and the objects that every cluster holds. */
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { retry } from '@nodeless/component-base/retry';
import type { CustomResource } from './custom-resource.ts';

export interface SetUpClusterDeps {
  readonly cluster: string;
  /** Before anything uses the table: says that its revisions jump if it was restored. Idempotent. */
  readonly beginNewLife: () => Promise<void>;
  /** Makes the signing key where there is none. Idempotent. */
  readonly ensureSigningKey: () => Promise<void>;
  /** Makes the objects that are missing. Idempotent. */
  readonly bootstrap: (options: { readonly serviceCidr: string }) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Permissions of a role that has just been made are not known everywhere yet. */
const attempts = 8;
const backoff = { baseMs: 2_000, capMs: 15_000 };

export function createClusterSetUp(deps: SetUpClusterDeps): CustomResource {
  return {
    physicalId: () => `nodeless-${deps.cluster}-setup`,
    async act({ RequestType, ResourceProperties }, signal) {
      // What the key signed and what the table holds may outlive the stack: the drain and the table's policy say.
      if (RequestType === 'Delete') return;
      const { ServiceCidr } = ResourceProperties;
      if (typeof ServiceCidr !== 'string') throw new Error('the property ServiceCidr is missing');
      const steps: readonly (readonly [string, () => Promise<void>])[] = [
        ['tell whether the table was restored', deps.beginNewLife],
        ['make the key that signs ServiceAccount tokens', deps.ensureSigningKey],
        ['make the objects that every cluster holds', () => deps.bootstrap({ serviceCidr: ServiceCidr })],
      ];
      for (const [what, step] of steps) {
        try {
          await retry(step, {
            clock: deps.clock,
            attempts,
            ...backoff,
            signal,
            retryable: (error) => {
              deps.log.warn(`cannot ${what} yet`, { error });
              return !signal.aborted;
            },
          });
        } catch (error) {
          throw new Error(`cannot ${what}: ${error instanceof Error ? error.message : String(error)}`, {
            cause: error,
          });
        }
      }
    },
  };
}
