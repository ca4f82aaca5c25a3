/** Which start of a CronJob is due: upstream's mostRecentScheduleTime. */
import type { CronJob } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { Schedule } from './schedule.ts';

export type Missed = 'none' | 'few' | 'many';

interface Recent {
  /** The last start, or when the CronJob was made, or what its deadline leaves of the past. */
  readonly earliest: number;
  /** The latest start that is due; undefined where none is. */
  readonly due: number | undefined;
  readonly missed: Missed;
}

const maxMissed = 100;
/** So that the clock has certainly passed the start when it is looked at. */
const deltaMs = 100;

function mostRecent(
  { metadata, spec, status }: CronJob,
  schedule: Schedule,
  now: number,
  withDeadline: boolean,
): Recent | 'invalid' {
  let earliest = Date.parse(status?.lastScheduleTime ?? metadata?.creationTimestamp ?? '');
  if (withDeadline && spec?.startingDeadlineSeconds !== undefined)
    earliest = Math.max(earliest, now - spec.startingDeadlineSeconds * 1000);
  const first = schedule.next(earliest);
  // A day that never comes, as the 31st of February.
  if (first === undefined) return 'invalid';
  if (now < first) return { earliest, due: undefined, missed: 'none' };
  const second = schedule.next(first);
  if (second === undefined || now < second) return { earliest, due: first, missed: 'none' };
  const interval = Math.round((second - first) / 1000) * 1000;
  if (interval < 1000) return 'invalid';
  // Roughly how many starts there were, so that the search begins near the last of them.
  const count = Math.floor((now - first) / interval) + 1;
  let due: number | undefined;
  for (
    let time = schedule.next(first + (count - 2) * interval);
    time !== undefined && time <= now;
    time = schedule.next(time)
  )
    due = time;
  return { earliest, due, missed: count > maxMissed ? 'many' : 'few' };
}

export function dueStart(
  cronJob: CronJob,
  schedule: Schedule,
  now: number,
): { due: number | undefined; missed: Missed } {
  const recent = mostRecent(cronJob, schedule, now, true);
  return recent === 'invalid' ? { due: undefined, missed: 'none' } : recent;
}

/** Until the next start after the one that is due now. */
export function untilNextMs(cronJob: CronJob, schedule: Schedule, now: number): number | undefined {
  const recent = mostRecent(cronJob, schedule, now, false);
  const from = recent === 'invalid' ? now : (recent.due ?? (recent.missed === 'none' ? recent.earliest : now));
  const next = schedule.next(from);
  return next === undefined ? undefined : Math.max(1, next + deltaMs - now);
}
