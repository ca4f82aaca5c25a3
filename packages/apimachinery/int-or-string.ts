/** intstr.IntOrString: a number, or a percentage such as `25%`. */

/** The value itself, or that percentage of `total`, rounded as told. A text that is no percentage counts as 0. */
export function scaledValue(value: number | string | undefined, total: number, round: 'up' | 'down'): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const percent = parsePercent(value);
  if (percent === undefined) return 0;
  return round === 'up' ? Math.ceil((percent * total) / 100) : Math.floor((percent * total) / 100);
}

/** 25 for `25%`; undefined for anything else. */
export function parsePercent(text: string): number | undefined {
  const match = /^(\d+)%$/.exec(text);
  return match ? Number(match[1]) : undefined;
}
