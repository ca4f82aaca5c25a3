import { isPathSegmentName, nameIsDnsSubdomain } from '@nodeless/apimachinery/names';

/** Names of the kinds whose rules are declared with their types: they count bytes, and prefixes are only path segments. */
export function checkLongName(name: string, prefix: boolean): string[] {
  if (prefix) return isPathSegmentName(name);
  return nameIsDnsSubdomain(name, false).map((text) =>
    text.replace(/^(must be no more than \d+) characters$/, '$1 bytes'),
  );
}
