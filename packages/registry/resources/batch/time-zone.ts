/** The words in which Go says that it does not know a zone; undefined for one that it knows. */
export function timeZoneFault(name: string): string | undefined {
  if (name === '' || name === 'Local' || isTimeZone(name)) return undefined;
  return name.includes('..') || /^[/\\]/.test(name) ? 'time: invalid location name' : `unknown time zone ${name}`;
}

/**
 * Whether Go finds the zone in its database, where names are files: `Europe/Berlin` is one, `europe/berlin` is none. Intl knows
 * the same zones but takes any case, and offsets.
 */
function isTimeZone(name: string): boolean {
  if (/^[+-]/.test(name)) return false;
  let canonical: string;
  try {
    canonical = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return false;
  }
  if (canonical.toLowerCase() === name.toLowerCase()) return canonical === name;
  // old names of a zone: each part starts with a capital letter
  return name.split('/').every((part) => /^[A-Z]/.test(part));
}
