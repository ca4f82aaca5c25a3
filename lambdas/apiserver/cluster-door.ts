/**
 * The API server as a function that sleeps between requests: what it knows of the cluster is loaded when the first request is let
 * in, kept while the function is warm, and brought up to date when another request comes.
 */
import { serviceUnavailable } from '@nodeless/apimachinery/status';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { ControlPlane } from './control-plane.ts';
import type { Doorkeeper } from './doorkeeper.ts';
import type { ApiRequest, ApiResponse } from './exchange.ts';
import { type FunctionUrlEvent, type FunctionUrlResponse, createFunctionUrlDoor } from './function-url-door.ts';
import { emptyQuery } from './query.ts';
import { errorResponse } from './responses.ts';

export interface ClusterDoorDeps {
  readonly keeper: () => Promise<Doorkeeper>;
  readonly open: () => Promise<Pick<ControlPlane, 'api' | 'refresh'>>;
  readonly clock: Clock;
  readonly log: Logger;
  /** What must be done before the function may sleep again. */
  readonly settled?: () => Promise<void>;
  /** Roles and definitions are at most so old. */
  readonly refreshMs?: number;
}

export interface ClusterDoor {
  serve(event: FunctionUrlEvent, response: FunctionUrlResponse): Promise<void>;
}

const defaultRefreshMs = 1_000;

export function createClusterDoor(deps: ClusterDoorDeps): ClusterDoor {
  const { clock, log, refreshMs = defaultRefreshMs } = deps;
  let opening: Promise<Pick<ControlPlane, 'api' | 'refresh'>> | undefined;
  let refreshedAt = -Infinity;

  const plane = async (): Promise<Pick<ControlPlane, 'api' | 'refresh'>> => {
    const now = clock.now();
    if (!opening) {
      opening = deps.open();
      refreshedAt = now;
      opening.catch(() => (opening = undefined));
      return await opening;
    }
    const opened = await opening;
    if (now - refreshedAt >= refreshMs) {
      await opened.refresh();
      refreshedAt = now;
    }
    return opened;
  };
  const whileReady =
    <T>(what: string, get: () => Promise<T>) =>
    async (): Promise<T> => {
      try {
        return await get();
      } catch (error) {
        log.error(what, { error });
        throw serviceUnavailable(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
  const keeper = whileReady('the cluster’s parameters cannot be read', deps.keeper);
  const ready = whileReady('the cluster’s store cannot be read', plane);

  const handle = async (request: ApiRequest): Promise<ApiResponse> => {
    try {
      const answer = await (await keeper()).answer(request);
      if (answer) return answer;
    } catch {
      // Who asks is not known yet, so he is not told more.
      return errorResponse(request, emptyQuery, serviceUnavailable('the cluster is not ready'));
    }
    try {
      return await (await ready()).api.handle(request);
    } catch (error) {
      return errorResponse(request, emptyQuery, error);
    }
  };

  const door = createFunctionUrlDoor({ handle }, { clock });
  return {
    async serve(event, response) {
      await door.serve(event, response);
      await deps.settled?.();
    },
  };
}
