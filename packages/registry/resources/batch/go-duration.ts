import { quoteGo } from '@nodeless/apimachinery/quote-go';

const units = new Set(['ns', 'us', '\u00b5s', '\u03bcs', 'ms', 's', 'm', 'h']);

/** What Go's time.ParseDuration says is wrong with `1h30m`. */
export function durationFault(text: string): string | undefined {
  const bad = `time: invalid duration ${quoteGo(text)}`;
  let rest = text.replace(/^[+-]/, '');
  if (rest === '0') return undefined;
  if (rest === '') return bad;
  while (rest !== '') {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (number === undefined) return bad;
    rest = rest.slice(number.length);
    const unit = /^[^.0-9]*/.exec(rest)![0];
    if (unit === '') return `time: missing unit in duration ${quoteGo(text)}`;
    if (!units.has(unit)) return `time: unknown unit ${quoteGo(unit)} in duration ${quoteGo(text)}`;
    rest = rest.slice(unit.length);
  }
  return undefined;
}
