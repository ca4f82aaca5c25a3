/**
 * Points in time as the API writes them: Time (RFC 3339 in seconds, UTC) and MicroTime (with six decimals).
 * Reading follows Go's time.Parse, its leniencies and its error texts included.
 */
export class TimeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TimeError';
  }
}

interface Instant {
  /** Since the epoch. */
  readonly seconds: number;
  /** Digits after the point as they were written. */
  readonly fraction: string;
}

const RFC3339 = '2006-01-02T15:04:05Z07:00';
const RFC3339_MICRO = '2006-01-02T15:04:05.000000Z07:00';

const plainTime = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{6})?Z$/;

/** What a Time of a request becomes: in UTC, without a fraction. @throws TimeError */
export function canonicalTime(text: string): string {
  if (text.length === 20 && plainTime.test(text)) return text;
  return formatSeconds(parse(text, RFC3339).seconds);
}

/** What a MicroTime of a request becomes: in UTC, with six decimals. @throws TimeError */
export function canonicalMicroTime(text: string): string {
  if (text.length === 27 && plainTime.test(text)) return text;
  const { seconds, fraction } = parse(text, RFC3339_MICRO);
  return `${formatSeconds(seconds).slice(0, -1)}.${fraction}Z`;
}

/** Milliseconds since the epoch of a Time or MicroTime. @throws TimeError */
export function parseTime(text: string): number {
  const { seconds, fraction } = parse(text, RFC3339);
  return seconds * 1000 + Math.trunc(Number(`0.${fraction || '0'}`) * 1000 + 1e-6);
}

/** Milliseconds since the epoch as a Time; parts of a second are dropped. */
export function formatTime(ms: number): string {
  return formatSeconds(Math.floor(ms / 1000));
}

/** Milliseconds since the epoch (fractions count) as a MicroTime. */
export function formatMicroTime(ms: number): string {
  const micros = Math.floor(ms * 1000 + 1e-3);
  const seconds = Math.floor(micros / 1e6);
  return `${formatSeconds(seconds).slice(0, -1)}.${String(micros - seconds * 1e6).padStart(6, '0')}Z`;
}

function formatSeconds(seconds: number): string {
  const text = new Date(seconds * 1000).toISOString();
  return `${text.slice(0, -5)}Z`;
}

/** One step of the layout: what it is called in errors, and how it takes its part of the text. */
function parse(text: string, layout: string): Instant {
  let rest = text;
  const fail = (element: string, held: string): TimeError =>
    new TimeError(`parsing time ${quote(text)} as ${quote(layout)}: cannot parse ${quote(held)} as ${quote(element)}`);
  const outOfRange = (what: string): TimeError => new TimeError(`parsing time ${quote(text)}: ${what} out of range`);
  const skip = (character: string): void => {
    if (!rest.startsWith(character)) throw fail(character, rest);
    rest = rest.slice(1);
  };
  const digits = (element: string, pattern: RegExp): number => {
    const found = pattern.exec(rest)?.[0];
    if (found === undefined) throw fail(element, rest);
    rest = rest.slice(found.length);
    return Number(found);
  };

  const year = digits('2006', /^\d{4}/);
  skip('-');
  const month = digits('01', /^\d\d/);
  if (month < 1 || month > 12) throw outOfRange('month');
  skip('-');
  const day = digits('02', /^\d\d/);
  skip('T');
  const hour = digits('15', /^\d\d?/);
  if (hour >= 24) throw outOfRange('hour');
  skip(':');
  const minute = digits('04', /^\d\d/);
  if (minute >= 60) throw outOfRange('minute');
  skip(':');
  const second = digits('05', /^\d\d/);
  if (second >= 60) throw outOfRange('second');

  let fraction = '';
  if (layout === RFC3339_MICRO) {
    fraction = /^[.,](\d{6})/.exec(rest)?.[1] ?? '';
    if (fraction === '') throw fail('.000000', rest);
    rest = rest.slice(7);
  } else {
    fraction = /^[.,](\d+)/.exec(rest)?.[1] ?? '';
    if (fraction !== '') rest = rest.slice(fraction.length + 1);
  }

  let offset = 0;
  if (rest.startsWith('Z')) rest = rest.slice(1);
  else {
    const zone = /^([+-])(\d\d):(\d\d)/.exec(rest);
    if (zone === null) throw fail('Z07:00', rest);
    const hours = Number(zone[2]);
    const minutes = Number(zone[3]);
    if (hours > 24) throw outOfRange('time zone offset hour');
    if (minutes > 60) throw outOfRange('time zone offset minute');
    offset = (hours * 60 + minutes) * 60 * (zone[1] === '-' ? -1 : 1);
    rest = rest.slice(6);
  }
  if (rest !== '') throw new TimeError(`parsing time ${quote(text)}: extra text: ${quote(rest)}`);
  // Date.UTC takes the years 0 to 99 for 1900 to 1999
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (day < 1 || date.getUTCDate() !== day) throw outOfRange('day');
  return { seconds: date.getTime() / 1000 + hour * 3600 + minute * 60 + second - offset, fraction };
}

/** As the time package quotes: quotes and backslashes escaped, bytes beyond printable ASCII in hexadecimal. */
function quote(text: string): string {
  let out = '"';
  for (const byte of Buffer.from(text)) {
    if (byte === 0x22 || byte === 0x5c) out += `\\${String.fromCharCode(byte)}`;
    else if (byte < 0x20 || byte >= 0x80) out += `\\x${byte.toString(16).padStart(2, '0')}`;
    else out += String.fromCharCode(byte);
  }
  return `${out}"`;
}
