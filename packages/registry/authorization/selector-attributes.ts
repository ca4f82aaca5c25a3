/** Selectors of access reviews as selector texts; what cannot be understood is left out, which asks for more. */
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
} from '@nodeless/apimachinery/generated/types/authorization/v1';

interface SelectorText {
  readonly text: string;
  /** For evaluationError; '' when all was understood. */
  readonly error: string;
}

const ignored = (which: string, some: boolean): string =>
  `spec.resourceAttributes.${which} ${some ? 'partially ignored' : 'ignored'} due to parse error`;

export function fieldSelectorText(selector: FieldSelectorAttributes | undefined): SelectorText {
  if (!selector) return { text: '', error: '' };
  if (!selector.requirements?.length) return { text: selector.rawSelector ?? '', error: '' };
  const terms: string[] = [];
  let failed = false;
  for (const { key, operator, values = [] } of selector.requirements) {
    if (values.length === 1 && operator === 'In') terms.push(`${key}=${values[0]}`);
    else if (values.length === 1 && operator === 'NotIn') terms.push(`${key}!=${values[0]}`);
    else failed = true;
  }
  return { text: terms.join(','), error: failed ? ignored('fieldSelector', terms.length > 0) : '' };
}

export function labelSelectorText(selector: LabelSelectorAttributes | undefined): SelectorText {
  if (!selector) return { text: '', error: '' };
  if (!selector.requirements?.length) return { text: selector.rawSelector ?? '', error: '' };
  const terms: string[] = [];
  let failed = false;
  for (const { key, operator, values = [] } of selector.requirements) {
    if (operator === 'In' && values.length > 0) terms.push(`${key} in (${values.join(',')})`);
    else if (operator === 'NotIn' && values.length > 0) terms.push(`${key} notin (${values.join(',')})`);
    else if (operator === 'Exists' && values.length === 0) terms.push(key);
    else if (operator === 'DoesNotExist' && values.length === 0) terms.push(`!${key}`);
    else failed = true;
  }
  return { text: terms.join(','), error: failed ? ignored('labelSelector', terms.length > 0) : '' };
}
