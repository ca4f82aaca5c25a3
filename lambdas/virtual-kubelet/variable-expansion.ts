/**
 * $(NAME) references as the kubelet expands them in env values, commands, arguments and subPathExpr: a known name gives
 * its value, an unknown one stays as written, `$$` is a dollar sign and protects what follows it.
 */
export function expandVariables(
  text: string,
  lookup: (name: string) => string | undefined,
  onMissing?: (name: string) => void,
): string {
  if (!text.includes('$')) return text;
  let result = '';
  let at = 0;
  for (;;) {
    const dollar = text.indexOf('$', at);
    if (dollar === -1 || dollar + 1 >= text.length) return result + text.slice(at);
    result += text.slice(at, dollar);
    const next = text[dollar + 1];
    if (next === '$') {
      result += '$';
      at = dollar + 2;
      continue;
    }
    const end = next === '(' ? text.indexOf(')', dollar + 2) : -1;
    if (end === -1) {
      // A lone dollar, or `$(` without its end: an operator that is not one.
      const length = next === '(' ? 2 : 1;
      result += text.slice(dollar, dollar + length);
      at = dollar + length;
      continue;
    }
    const name = text.slice(dollar + 2, end);
    const value = lookup(name);
    if (value === undefined) onMissing?.(name);
    result += value ?? text.slice(dollar, end + 1);
    at = end + 1;
  }
}
