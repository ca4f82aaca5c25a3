/** A time zone's clock, by Intl. */

export interface WallTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

export interface Zone {
  at(ms: number): WallTime;
  /** The first moment of a day; month and day may be beyond their range, as in Date. */
  midnight(year: number, month: number, day: number): number;
  /** RFC 3339 with the zone's offset; `Z` for UTC. */
  format(ms: number): string;
}

const minuteMs = 60_000;

/** Throws RangeError for a zone that is not known. */
export function createZone(name: string): Zone {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    era: 'short',
  });

  /** The wall clock's reading as if it were UTC. */
  const wall = (ms: number): number => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value);
    return Date.UTC(
      parts['year'] as number,
      (parts['month'] as number) - 1,
      parts['day'],
      parts['hour'],
      parts['minute'],
      parts['second'],
    );
  };
  const offset = (ms: number): number => wall(ms) - Math.floor(ms / 1000) * 1000;

  return {
    at(ms) {
      const date = new Date(wall(ms));
      return {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
      };
    },
    midnight(year, month, day) {
      const wanted = Date.UTC(year, month - 1, day);
      let time = wanted - offset(wanted);
      time = wanted - offset(time);
      // Where clocks are put forward at midnight, the day begins later.
      while (wall(time) < wanted) time += 15 * minuteMs;
      return time;
    },
    format(ms) {
      const shift = offset(ms);
      const text = new Date(ms + shift).toISOString().slice(0, 19);
      if (shift === 0) return `${text}Z`;
      const minutes = Math.abs(shift) / minuteMs;
      const two = (n: number): string => String(n).padStart(2, '0');
      return `${text}${shift < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
    },
  };
}
