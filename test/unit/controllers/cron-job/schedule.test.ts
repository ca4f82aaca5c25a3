import { describe, expect, it } from 'vitest';
import { parseSchedule } from '@nodeless/controllers/cron-job/schedule';

const at = (text: string): number => Date.parse(text);
const iso = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString().slice(0, 16);
/** Fires of a schedule after a moment (UTC). */
const fires = (schedule: string, after: string, count: number, zone?: string): (string | undefined)[] => {
  const parsed = parseSchedule(schedule, zone);
  const times: (string | undefined)[] = [];
  for (let time: number | undefined = at(after); times.length < count;) {
    time = parsed.next(time as number);
    times.push(iso(time));
    if (time === undefined) break;
  }
  return times;
};

describe('a cron schedule', () => {
  it.each([
    { schedule: '*/15 * * * *', after: '2030-01-01T00:07:30Z', want: ['2030-01-01T00:15', '2030-01-01T00:30'] },
    { schedule: '0 0 * * *', after: '2030-01-01T00:00:00Z', want: ['2030-01-02T00:00', '2030-01-03T00:00'] },
    { schedule: '59 23 31 12 *', after: '2030-01-01T00:00:00Z', want: ['2030-12-31T23:59', '2031-12-31T23:59'] },
    { schedule: '0 12 29 2 *', after: '2030-01-01T00:00:00Z', want: ['2032-02-29T12:00'] },
    {
      schedule: '30 6-16/4 * * 1-5',
      after: '2030-01-04T12:00:00Z',
      want: ['2030-01-04T14:30', '2030-01-07T06:30', '2030-01-07T10:30'],
    },
    {
      schedule: '5/20 * * * *',
      after: '2030-01-01T00:00:00Z',
      want: ['2030-01-01T00:05', '2030-01-01T00:25', '2030-01-01T00:45', '2030-01-01T01:05'],
    },
    { schedule: '0 9 * jan,MAR mon', after: '2030-01-28T10:00:00Z', want: ['2030-03-04T09:00'] },
    { schedule: '@monthly', after: '2030-01-01T00:00:00Z', want: ['2030-02-01T00:00'] },
    { schedule: '@weekly', after: '2030-01-01T00:00:00Z', want: ['2030-01-06T00:00'] },
    { schedule: '@every 90m', after: '2030-01-01T00:00:00.400Z', want: ['2030-01-01T01:30', '2030-01-01T03:00'] },
    { schedule: '0 0 31 2 *', after: '2030-01-01T00:00:00Z', want: [undefined] },
  ])('$schedule', ({ schedule, after, want }) => expect(fires(schedule, after, want.length)).toEqual(want));

  it('fires on either day where both are given, and on both where one is a star', () => {
    // The 13th, or a Friday.
    expect(fires('0 0 13 * 5', '2030-09-01T00:00:00Z', 4)).toEqual([
      '2030-09-06T00:00',
      '2030-09-13T00:00',
      '2030-09-20T00:00',
      '2030-09-27T00:00',
    ]);
    expect(fires('0 0 13 * *', '2030-09-01T00:00:00Z', 2)).toEqual(['2030-09-13T00:00', '2030-10-13T00:00']);
    // A star with a step is no star.
    expect(fires('0 0 */10 * 1', '2030-09-01T12:00:00Z', 3)).toEqual([
      '2030-09-02T00:00',
      '2030-09-09T00:00',
      '2030-09-11T00:00',
    ]);
  });

  it('goes by the clock of its zone', () => {
    expect(fires('0 9 * * *', '2030-01-01T00:00:00Z', 1, 'Europe/Berlin')).toEqual(['2030-01-01T08:00']);
    expect(fires('0 9 * * *', '2030-07-01T00:00:00Z', 1, 'Europe/Berlin')).toEqual(['2030-07-01T07:00']);
    expect(fires('0 0 * * *', '2030-01-01T00:00:00Z', 1, 'America/New_York')).toEqual(['2030-01-01T05:00']);
    expect(fires('30 0 * * *', '2030-01-01T00:00:00Z', 1, 'Asia/Kolkata')).toEqual(['2030-01-01T19:00']);
    expect(fires('CRON_TZ=Asia/Tokyo 0 9 * * *', '2030-01-01T00:00:00Z', 1)).toEqual(['2030-01-02T00:00']);
  });

  it('leaves out what the clock leaves out, and repeats what it repeats', () => {
    // Berlin: 2:00 to 3:00 does not exist on 2030-03-31, and exists twice on 2030-10-27.
    expect(fires('30 2 * * *', '2030-03-30T12:00:00Z', 1, 'Europe/Berlin')).toEqual(['2030-04-01T00:30']);
    expect(fires('30 2 * * *', '2030-10-26T12:00:00Z', 3, 'Europe/Berlin')).toEqual([
      '2030-10-27T00:30',
      '2030-10-27T01:30',
      '2030-10-28T01:30',
    ]);
    // Clocks in Beirut went forward at midnight: that day begins at one.
    expect(fires('0 * 31 3 *', '2024-03-30T12:00:00Z', 2, 'Asia/Beirut')).toEqual([
      '2024-03-30T22:00',
      '2024-03-30T23:00',
    ]);
  });

  it.each(['', '* * * *', '60 * * * *', '* * 0 * *', '5-1 * * * *', '*/0 * * * *', 'x * * * *'])(
    '%s is none',
    (schedule) => expect(() => parseSchedule(schedule, undefined)).toThrow(),
  );
  it('has a zone that exists', () => expect(() => parseSchedule('* * * * *', 'Nowhere/Land')).toThrow(RangeError));
});
