/** How many requests may be at work at once: what a burst does not get, it is told to ask for again. */
import { privilegedGroup } from '@nodeless/registry/authorization/authorizer';
import type { UserInfo } from '@nodeless/registry/strategy';
import type { RequestInfo } from './request-info.ts';

export interface InFlightLimits {
  readonly readOnly: number;
  readonly mutating: number;
}
export const defaultLimits: InFlightLimits = { readOnly: 400, mutating: 200 };

export interface InFlight {
  /** Takes a place; the result gives it back, once. Long-running requests and system:masters need none. */
  enter(info: RequestInfo, user: UserInfo): (() => void) | undefined | 'refused';
  readonly counts: { readonly readOnly: number; readonly mutating: number };
}

const readVerbs = new Set(['get', 'list', 'watch']);
const longSubresources = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

export function isLongRunning(info: RequestInfo): boolean {
  return info.isResource && (info.verb === 'watch' || info.verb === 'proxy' || longSubresources.has(info.subresource));
}

export function createInFlight(limits: InFlightLimits = defaultLimits): InFlight {
  let readOnly = 0;
  let mutating = 0;
  const leaveRead = (): void => void readOnly--;
  const leaveWrite = (): void => void mutating--;
  return {
    enter(info, user) {
      if (isLongRunning(info)) return undefined;
      const read = readVerbs.has(info.verb) || info.verb === 'head' || info.verb === 'options';
      if (read ? readOnly >= limits.readOnly : mutating >= limits.mutating) {
        return user.groups.includes(privilegedGroup) ? undefined : 'refused';
      }
      if (read) {
        readOnly++;
        return leaveRead;
      }
      mutating++;
      return leaveWrite;
    },
    get counts() {
      return { readOnly, mutating };
    },
  };
}
