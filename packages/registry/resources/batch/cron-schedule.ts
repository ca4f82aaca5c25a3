/** What is wrong with a cron schedule, in the words of the parser that Kubernetes uses (github.com/robfig/cron). */
import { parseDuration } from '@nodeless/apimachinery/decode/duration';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import { timeZoneFault } from './time-zone.ts';

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const fields: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] },
  { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
];

const descriptors = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);
const every = '@every ';

class Fault extends Error {}

export function cronFault(schedule: string): string | undefined {
  let spec = schedule;
  if (/^(CRON_)?TZ=/.test(spec)) {
    const space = spec.indexOf(' ');
    // The parser does not expect it.
    if (space < 0) return 'invalid schedule format: runtime error: slice bounds out of range [:-1]';
    const zone = spec.slice(spec.indexOf('=') + 1, space);
    const fault = timeZoneFault(zone);
    if (fault !== undefined) return `provided bad location ${zone}: ${fault}`;
    spec = spec.slice(space).trim();
  }
  if (spec.startsWith('@')) return descriptorFault(spec);
  const given = spec.split(/\s+/).filter(Boolean);
  if (given.length !== fields.length)
    return `expected exactly ${fields.length} fields, found ${given.length}: [${given.join(' ')}]`;
  try {
    given.forEach((field, i) => {
      for (const range of field.split(',')) if (range !== '') checkRange(range, fields[i]!);
    });
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

function descriptorFault(spec: string): string | undefined {
  if (descriptors.has(spec)) return undefined;
  if (!spec.startsWith(every)) return `unrecognized descriptor: ${spec}`;
  try {
    parseDuration(spec.slice(every.length));
    return undefined;
  } catch (error) {
    return `failed to parse duration ${spec}: ${(error as Error).message}`;
  }
}

/** `5`, `1-5`, `mon-fri`, a star, each with or without a step. */
function checkRange(text: string, bounds: Bounds): void {
  const [range = '', step, ...moreSteps] = text.split('/');
  const [low = '', high, ...moreHyphens] = range.split('-');
  let start = bounds.min;
  let end = bounds.max;
  if (low !== '*' && low !== '?') {
    start = numberOf(low, bounds);
    if (moreHyphens.length > 0) throw new Fault(`too many hyphens: ${text}`);
    end = high === undefined ? start : numberOf(high, bounds);
  }
  if (moreSteps.length > 0) throw new Fault(`too many slashes: ${text}`);
  const every = step === undefined ? 1 : integerOf(step);
  if (step !== undefined && high === undefined) end = bounds.max;
  if (start < bounds.min) throw new Fault(`beginning of range (${start}) below minimum (${bounds.min}): ${text}`);
  if (end > bounds.max) throw new Fault(`end of range (${end}) above maximum (${bounds.max}): ${text}`);
  if (start > end) throw new Fault(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (every === 0) throw new Fault(`step of range should be a positive number: ${text}`);
}

function numberOf(text: string, { min, names }: Bounds): number {
  const index = names?.indexOf(text.toLowerCase()) ?? -1;
  return index >= 0 ? index + min : integerOf(text);
}

function integerOf(text: string): number {
  const value = Number(text);
  const isInteger = /^[+-]?\d+$/.test(text);
  if (!isInteger || !Number.isSafeInteger(value)) {
    const reason = isInteger ? 'value out of range' : 'invalid syntax';
    throw new Fault(`failed to parse int from ${text}: strconv.Atoi: parsing ${quoteGo(text)}: ${reason}`);
  }
  if (value < 0) throw new Fault(`negative number (${value}) not allowed: ${text}`);
  return value;
}
