import type { ParamKind, ParamRef } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';

export function paramKindCell(kind: Readonly<ParamKind> | undefined): string {
  return kind ? `${kind.apiVersion ?? ''}/${kind.kind ?? ''}` : '<unset>';
}

export function paramRefCell(ref: Readonly<ParamRef> | undefined): string {
  if (ref?.name) return `${ref.namespace || '*'}/${ref.name}`;
  return ref?.selector ? selectorText(ref.selector) : '<unset>';
}

/** The generated String() of Go's LabelSelector, which is what the server prints here. */
function selectorText(selector: NonNullable<ParamRef['selector']>): string {
  const labels = selector.matchLabels ?? {};
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => `${key}: ${labels[key]},`);
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${(values ?? []).join(' ')}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${pairs.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`;
}
