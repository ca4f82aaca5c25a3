// The parts of docs/compatibility.md that are made of the tables that the code reads.
import { ingressAnnotations } from '@nodeless/controllers/ingress/ingress-annotations';
import { networkAnnotations } from '@nodeless/controllers/load-balancers/elbv2/network-annotations';
import { fieldRules } from '@nodeless/registry/admission/fargate/findings';

export const file = new URL('../docs/compatibility.md', import.meta.url);
const marks = (name) => [`<!-- ${name}: made by scripts/update-compatibility.mjs -->`, `<!-- end of ${name} -->`];

const words = { supported: 'yes', ignored: 'no effect', refused: 'refused' };
const cell = (text) => text.replaceAll('|', '\\|');
const note = ({ only, reason, alternative }) =>
  cell([only && `${only}:`, reason, alternative && `(instead: ${alternative})`].filter(Boolean).join(' '));

export function table(rules = fieldRules) {
  const rows = rules.map((rule) => `| \`${rule.path}\` | ${words[rule.state]} | ${note(rule)} |`);
  return ['| field | on Fargate | |', '|---|---|---|', ...rows].join('\n');
}

function annotationTable(annotations) {
  const rows = annotations.map(
    ({ annotation, served, note: text }) =>
      `| \`${annotation}\` | ${served ? 'yes' : 'an event, no effect'} | ${cell(text)} |`,
  );
  return ['| annotation | | |', '|---|---|---|', ...rows].join('\n');
}

const parts = {
  'fargate-fields': () => table(),
  'service-annotations': () => annotationTable(networkAnnotations),
  'ingress-annotations': () => annotationTable(ingressAnnotations),
};

/** The text with the tables in their places. Throws when it lacks one. */
export function withTable(text) {
  return Object.entries(parts).reduce((before, [name, make]) => {
    const [begin, end] = marks(name);
    const from = before.indexOf(begin);
    const to = before.indexOf(end);
    if (from === -1 || to < from) throw new Error(`docs/compatibility.md lacks ${begin} or ${end}`);
    return `${before.slice(0, from + begin.length)}\n\n${make()}\n\n${before.slice(to)}`;
  }, text);
}
