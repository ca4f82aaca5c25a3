import { aggregate, formatFieldError, invalidValue, path } from './field-errors.ts';
import type { LabelSelector } from './generated/types/meta/v1.ts';
import { compareGoStrings } from './json-writer.ts';
import { isLabelValue, isQualifiedName } from './names.ts';
import { quoteGo } from './quote-go.ts';
import type { FieldError } from './status.ts';

/**
 * Label selectors: the form of a query parameter (parsed in label-selector-parser.ts), the form of a LabelSelector
 * object, and a plain map. All become requirements, sorted by key.
 */
export type Labels = Readonly<Record<string, string>>;
export type Operator = 'in' | 'notin' | '=' | '==' | '!=' | 'exists' | '!' | 'gt' | 'lt';

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

/** Matches where all requirements do; without any it matches everything. `undefined` stands for nothing. */
export interface Selector {
  readonly requirements: readonly Requirement[];
}

export type LabelMatcher = (labels: Labels | undefined) => boolean;

/** The selector is not valid; the message is upstream's. */
export class SelectorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SelectorError';
  }
}

export const everything: Selector = Object.freeze({ requirements: [] });

export function matchesSelector(selector: Selector | undefined, labels: Labels | undefined): boolean {
  if (selector === undefined) return false;
  for (const requirement of selector.requirements) {
    if (!matchesRequirement(requirement, labels ?? none)) return false;
  }
  return true;
}
const none: Labels = Object.freeze({});

function matchesRequirement({ key, operator, values }: Requirement, labels: Labels): boolean {
  // a label may be called `constructor`
  const value = Object.hasOwn(labels, key) ? (labels[key] as string) : undefined;
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt': {
      const have = value === undefined ? undefined : parseInt64(value);
      const want = parseInt64(values[0] ?? '');
      if (have === undefined || want === undefined) return false;
      return operator === 'gt' ? have > want : have < want;
    }
  }
}

/** strconv.ParseInt(text, 10, 64) */
function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** @throws SelectorError */
export function createRequirement(key: string, operator: Operator, values: readonly string[]): Requirement {
  const errors: FieldError[] = [];
  const keyErrors = isQualifiedName(key);
  if (keyErrors.length > 0) errors.push(invalidValue(path('key'), key, keyErrors.join('; ')));
  const at = path('values');
  const wrong = wrongValues(operator, values);
  if (wrong !== undefined) errors.push(invalidValue(at, values, wrong));
  if (operator === 'gt' || operator === 'lt') {
    values.forEach((value, i) => {
      if (parseInt64(value) === undefined)
        errors.push(invalidValue(at.index(i), value, "for 'Gt', 'Lt' operators, the value must be an integer"));
    });
  }
  values.forEach((value, i) => {
    const valueErrors = isLabelValue(value);
    if (valueErrors.length > 0) errors.push(invalidValue(at.index(i).key(key), value, valueErrors.join('; ')));
  });
  if (errors.length > 0) throw new SelectorError(aggregate(errors.map(formatFieldError)));
  return { key, operator, values };
}

function wrongValues(operator: Operator, values: readonly string[]): string | undefined {
  switch (operator) {
    case 'in':
    case 'notin':
      return values.length === 0 ? "for 'in', 'notin' operators, values set can't be empty" : undefined;
    case 'exists':
    case '!':
      return values.length > 0 ? 'values set must be empty for exists and does not exist' : undefined;
    case 'gt':
    case 'lt':
      return values.length !== 1 ? "for 'Gt', 'Lt' operators, exactly one value is required" : undefined;
    default:
      return values.length !== 1 ? 'exact-match compatibility requires one single value' : undefined;
  }
}

export function createSelector(requirements: readonly Requirement[]): Selector {
  return { requirements: requirements.toSorted((a, b) => compareGoStrings(a.key, b.key)) };
}

/** A plain map as a selector, unchecked: every pair must be there. */
export function selectorOfSet(set: Labels | undefined): Selector {
  return createSelector(Object.entries(set ?? none).map(([key, value]) => ({ key, operator: '=', values: [value] })));
}

/** Whether every pair of `set` is among the labels. An absent set selects nothing, as with Services. */
export function matchesSet(set: Labels | undefined, labels: Labels | undefined): boolean {
  if (set === undefined) return false;
  for (const key of Object.keys(set)) {
    if (labels === undefined || !Object.hasOwn(labels, key) || labels[key] !== set[key]) return false;
  }
  return true;
}

const objectOperators = new Map<string, Operator>([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);
const known = new WeakMap<object, Selector>();

/**
 * A LabelSelector object as a selector: absent selects nothing (undefined), an empty one everything.
 * @throws SelectorError when it would not pass validation.
 */
export function selectorOf(object: Readonly<LabelSelector> | undefined): Selector | undefined {
  if (object === undefined || object === null) return undefined;
  let selector = known.get(object);
  if (selector !== undefined) return selector;
  const requirements = Object.entries(object.matchLabels ?? none).map(([key, value]) =>
    createRequirement(key, '=', [value]),
  );
  for (const { key, operator, values } of object.matchExpressions ?? []) {
    const known = objectOperators.get(operator);
    if (known === undefined) throw new SelectorError(`${quoteGo(operator)} is not a valid label selector operator`);
    requirements.push(createRequirement(key, known, values ?? []));
  }
  selector = createSelector(requirements);
  // what an informer or the store holds never changes
  if (Object.isFrozen(object)) known.set(object, selector);
  return selector;
}

/** A LabelSelector object as a function; one that is not valid matches nothing. */
export function matcherOf(object: Readonly<LabelSelector> | undefined): LabelMatcher {
  let selector: Selector | undefined;
  try {
    selector = selectorOf(object);
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
  }
  return (labels) => matchesSelector(selector, labels);
}

/** The one value that the selector allows for a label: what an index is asked for. */
export function requiredValue(selector: Selector, key: string): string | undefined {
  const requirement = selector.requirements.find((r) => r.key === key);
  if (requirement === undefined || requirement.values.length !== 1) return undefined;
  return requirement.operator === '=' || requirement.operator === '==' || requirement.operator === 'in'
    ? requirement.values[0]
    : undefined;
}

/** `a=b,c in (d,e),!f`: the form of a query parameter. */
export function formatSelector(selector: Selector): string {
  return selector.requirements.map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: Requirement): string {
  if (operator === 'exists') return key;
  if (operator === '!') return `!${key}`;
  const list = values.length > 1 ? values.toSorted(compareGoStrings).join(',') : (values[0] ?? '');
  if (operator === 'in' || operator === 'notin') return `${key} ${operator} (${list})`;
  return `${key}${operator === 'gt' ? '>' : operator === 'lt' ? '<' : operator}${list}`;
}

/** As `kubectl get` shows a selector: `<none>` for an empty one, `<error>` for a broken one. */
export function formatLabelSelector(object: Readonly<LabelSelector> | undefined): string {
  try {
    const selector = selectorOf(object);
    return (selector === undefined ? '' : formatSelector(selector)) || '<none>';
  } catch (error) {
    if (error instanceof SelectorError) return '<error>';
    throw error;
  }
}

/** As `kubectl get` shows a map: `a=b,c=d`, `<none>` for an empty one. */
export function formatLabels(labels: Labels | undefined): string {
  return (labels && formatSelector(selectorOfSet(labels))) || '<none>';
}
