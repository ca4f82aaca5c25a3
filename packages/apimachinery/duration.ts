/** Ages as kubectl and the server's tables show them (k8s.io/apimachinery/pkg/util/duration). Milliseconds in. */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 24;
const YEAR = 24 * 365;

/** `45s`, `2m3s`, `3h15m`, `5d7h`, `2y100d`. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 2 * MINUTE) return `${seconds}s`;
  const minutes = Math.trunc(seconds / MINUTE);
  if (minutes < 10) return withRest(minutes, 'm', seconds % MINUTE, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(seconds / HOUR);
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / DAY);
  if (hours < 8 * DAY) return withRest(days, 'd', hours % DAY, 'h');
  if (hours < 2 * YEAR) return `${days}d`;
  const years = Math.trunc(hours / YEAR);
  return hours < 8 * YEAR ? withRest(years, 'y', days % 365, 'd') : `${years}y`;
}

/** One unit only: `45s`, `2m`, `3h`, `5d`, `2y`. */
export function shortHumanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < MINUTE) return `${seconds}s`;
  if (seconds < HOUR) return `${Math.trunc(seconds / MINUTE)}m`;
  const hours = Math.trunc(seconds / HOUR);
  if (hours < DAY) return `${hours}h`;
  return hours < YEAR ? `${Math.trunc(hours / DAY)}d` : `${Math.trunc(hours / YEAR)}y`;
}

/** How long ago a Time or MicroTime was; `<unknown>` where there is none. `now` in milliseconds since the epoch. */
export function ageOf(time: string | undefined | null, now: number): string {
  return time ? humanDuration(now - Date.parse(time)) : '<unknown>';
}

function withRest(whole: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${whole}${unit}` : `${whole}${unit}${rest}${restUnit}`;
}
