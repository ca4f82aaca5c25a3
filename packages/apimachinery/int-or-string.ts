import { quoteGo } from './quote-go.ts';

/** intstr.IntOrString: a number, or a percentage such as `25%`. */
export type IntOrString = number | string;

/** The value itself, or that percentage of `total`, rounded as told. A text that is no percentage counts as 0. */
export function scaledValue(value: IntOrString | undefined, total: number, round: 'up' | 'down'): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const percent = parsePercent(value);
  if (percent === undefined) return 0;
  return round === 'up' ? Math.ceil((percent * total) / 100) : Math.floor((percent * total) / 100);
}

/** The same with upstream's complaint about a text that is no percentage. */
export function scaledValueOrError(value: IntOrString, total: number, round: 'up' | 'down'): number | Error {
  if (typeof value === 'string' && parsePercent(value) === undefined) {
    const problem = value.endsWith('%')
      ? `strconv.Atoi: parsing ${quoteGo(value.slice(0, -1))}: invalid syntax`
      : 'invalid type: string is not a percentage';
    return new Error(
      value.endsWith('%')
        ? `invalid value for IntOrString: invalid value ${quoteGo(value)}: ${problem}`
        : `invalid value for IntOrString: ${problem}`,
    );
  }
  return scaledValue(value, total, round);
}

/** 25 for `25%`; undefined for anything else. */
export function parsePercent(text: string): number | undefined {
  const match = /^([+-]?\d+)%$/.exec(text);
  return match ? Number(match[1]) : undefined;
}
