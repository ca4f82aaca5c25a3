// The part of docs/compatibility.md that is made of the table that admission reads (packages/registry/admission/fargate/).
import { fieldRules } from '@nodeless/registry/admission/fargate/findings';

export const file = new URL('../docs/compatibility.md', import.meta.url);
const begin = '<!-- fargate-fields: made by scripts/update-compatibility.mjs -->';
const end = '<!-- end of fargate-fields -->';

const words = { supported: 'yes', ignored: 'no effect', refused: 'refused' };
const cell = (text) => text.replaceAll('|', '\\|');
const note = ({ only, reason, alternative }) =>
  cell([only && `${only}:`, reason, alternative && `(instead: ${alternative})`].filter(Boolean).join(' '));

export function table(rules = fieldRules) {
  const rows = rules.map((rule) => `| \`${rule.path}\` | ${words[rule.state]} | ${note(rule)} |`);
  return ['| field | on Fargate | |', '|---|---|---|', ...rows].join('\n');
}

/** The text with the table in its place. Throws when it has none. */
export function withTable(text) {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`docs/compatibility.md lacks ${begin} or ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${table()}\n\n${text.slice(to)}`;
}
