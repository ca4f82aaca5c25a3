/** resourceVersion as a client sends it. */
import { ApiError } from '@nodeless/apimachinery/status';
import type { Revision } from '@nodeless/store/store';

/** undefined: not set. @throws ApiError 500 worded as Go's ParseUint: how upstream answers GET and watch. */
export function parseRevision(text: string | undefined): Revision | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^\d+$/.test(text))
    throw badRevision(`resourceVersion: Invalid value: ${JSON.stringify(text)}: ${syntaxError(text)}`);
  const revision = Number(text);
  if (text.length > 20 || BigInt(text) > maxUint64) {
    throw badRevision(
      `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`,
    );
  }
  // beyond what a revision can be: it only matters that it is too large
  return Math.min(revision, Number.MAX_SAFE_INTEGER);
}
const maxUint64 = 0xffff_ffff_ffff_ffffn;

/** metadata.resourceVersion of a sent object: 0 where it is not set. @throws ApiError 500 */
export function objectRevision(text: string | undefined): Revision {
  if (text === undefined || text === '') return 0;
  if (!/^\d+$/.test(text)) throw badRevision(syntaxError(text));
  return Number(text);
}

const syntaxError = (text: string): string => `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;

/** A plain Go error: no reason. */
function badRevision(message: string): ApiError {
  return new ApiError({ code: 500, message });
}

export function tooLargeRevision(asked: number | string, current: Revision): ApiError {
  return new ApiError({
    code: 504,
    reason: 'Timeout',
    message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  });
}
