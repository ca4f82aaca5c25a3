/**
 * When a cron schedule fires: the rules of the parser and clock that Kubernetes uses (github.com/robfig/cron), which differ from
 * other cron libraries' where day of month meets day of week and where clocks are put forward.
 */
import { parseDuration } from '@nodeless/apimachinery/decode/duration';
import { createZone, type Zone } from './zone.ts';

export interface Schedule {
  /** The first moment after `after` (both in milliseconds since the epoch); undefined where there is none within five years. */
  next(after: number): number | undefined;
}

const bounds = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] },
  { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
] as const;

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

interface Field {
  readonly values: ReadonlySet<number>;
  /** A plain star (or question mark), which leaves the day to the other of the two day fields. */
  readonly star: boolean;
}

/** Throws an Error with what is wrong: unknown zones, texts that are no schedule. What the API server accepted parses. */
export function parseSchedule(text: string, timeZone: string | undefined): Schedule {
  const prefixed = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(text);
  const zone = createZone(prefixed?.[1] ?? timeZone ?? 'UTC');
  const spec = prefixed?.[2]?.trim() ?? text;
  if (spec.startsWith('@every '))
    return everySo(Math.max(1, Math.floor(Number(parseDuration(spec.slice('@every '.length))) / 1e9)) * 1000);
  const fields = (descriptors[spec] ?? spec).split(/\s+/).filter(Boolean);
  if (fields.length !== 5) throw new Error(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields.map((field, i) =>
    parseField(field, bounds[i] as (typeof bounds)[number]),
  ) as [Field, Field, Field, Field, Field];
  return { next: (after) => nextMatch({ minute, hour, dayOfMonth, month, dayOfWeek }, zone, after) };
}

function everySo(ms: number): Schedule {
  return { next: (after) => Math.floor(after / 1000) * 1000 + ms };
}

function parseField(
  text: string,
  { min, max, ...rest }: { min: number; max: number; names?: readonly string[] },
): Field {
  const names = rest.names ?? [];
  const number = (part: string): number => {
    const index = names.indexOf(part.toLowerCase());
    const value = index >= 0 ? index + min : Number(part);
    if (!Number.isInteger(value)) throw new Error(`failed to parse int from ${part}`);
    return value;
  };
  const values = new Set<number>();
  let star = false;
  for (const range of text.split(',')) {
    const [span = '', stepText] = range.split('/');
    const [low = '', high] = span.split('-');
    const step = stepText === undefined ? 1 : number(stepText);
    const any = low === '*' || low === '?';
    const start = any ? min : number(low);
    // `5/10` goes on to the end of the field.
    const end = any || (high === undefined && stepText !== undefined) ? max : number(high ?? low);
    if (start < min || end > max || start > end || step < 1) throw new Error(`not a range: ${range}`);
    for (let value = start; value <= end; value += step) values.add(value);
    if (any && step === 1) star = true;
  }
  return { values, star };
}

interface Fields {
  readonly minute: Field;
  readonly hour: Field;
  readonly dayOfMonth: Field;
  readonly month: Field;
  readonly dayOfWeek: Field;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/**
 * Steps through months, days, hours and minutes of the zone's own clock. Hours and minutes are stepped in real time: an hour that
 * the clock leaves out never comes, and one that it repeats comes twice.
 */
function nextMatch(
  { minute, hour, dayOfMonth, month, dayOfWeek }: Fields,
  zone: Zone,
  after: number,
): number | undefined {
  const dayMatches = (year: number, monthOfYear: number, day: number): boolean => {
    const weekday = new Date(Date.UTC(year, monthOfYear - 1, day)).getUTCDay();
    const [byMonth, byWeek] = [dayOfMonth.values.has(day), dayOfWeek.values.has(weekday)];
    return dayOfMonth.star || dayOfWeek.star ? byMonth && byWeek : byMonth || byWeek;
  };
  let time = Math.floor(after / minuteMs) * minuteMs + minuteMs;
  const lastYear = zone.at(time).year + 5;
  for (;;) {
    const now = zone.at(time);
    if (now.year > lastYear) return undefined;
    if (!month.values.has(now.month)) time = zone.midnight(now.year, now.month + 1, 1);
    else if (!dayMatches(now.year, now.month, now.day)) time = zone.midnight(now.year, now.month, now.day + 1);
    else if (!hour.values.has(now.hour)) time += hourMs - now.minute * minuteMs;
    else if (!minute.values.has(now.minute)) time += minuteMs;
    else return time;
  }
}
