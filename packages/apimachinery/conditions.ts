import { type FieldPath, duplicate, invalidValue, notSupported, required, tooLong } from './field-errors.ts';
import type { Condition } from './generated/types/meta/v1.ts';
import { isQualifiedName, regexError } from './names.ts';
import type { FieldError } from './status.ts';

/** Lists of conditions: one a type, with the time of the last change of status. */
interface AnyCondition {
  type: string;
  status: string;
  lastTransitionTime?: string | null;
}

export function findCondition<C extends AnyCondition>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(conditions: readonly AnyCondition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/**
 * The list with the condition in it (meta.SetStatusCondition): the time is kept while the status stays, `now` otherwise.
 * The same list when nothing changes.
 */
export function withCondition<C extends AnyCondition>(
  conditions: readonly C[] | undefined,
  condition: C,
  now: string,
): readonly C[] {
  const old = findCondition(conditions, condition.type);
  const time =
    old !== undefined && old.status === condition.status
      ? old.lastTransitionTime
      : (condition.lastTransitionTime ?? now);
  const next: C = { ...old, ...condition, lastTransitionTime: time };
  if (old === undefined) return [...(conditions ?? []), next];
  const keys = Object.keys(next) as (keyof C)[];
  if (keys.every((key) => next[key] === old[key])) return conditions as readonly C[];
  return (conditions as readonly C[]).map((c) => (c === old ? next : c));
}

/** The list without that type; the same list when there was none. */
export function withoutCondition<C extends AnyCondition>(
  conditions: readonly C[] | undefined,
  type: string,
): readonly C[] {
  if (conditions === undefined) return [];
  return conditions.some((c) => c.type === type) ? conditions.filter((c) => c.type !== type) : conditions;
}

const REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const reasonPattern = new RegExp(`^${REASON}$`);
const MAX_REASON = 1024;
const MAX_MESSAGE = 32 * 1024;

/** metav1 conditions of a request, in upstream's words (apis/meta/v1/validation.ValidateConditions). */
export function validateConditions(conditions: readonly Condition[] | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, condition] of (conditions ?? []).entries()) {
    const at = path.index(i);
    if (seen.has(condition.type)) errors.push(duplicate(at.child('type'), condition.type));
    seen.add(condition.type);
    errors.push(...validateCondition(condition, at));
  }
  return errors;
}

function validateCondition(condition: Readonly<Condition>, path: FieldPath): FieldError[] {
  const { type = '', status = '', reason = '', message = '', observedGeneration = 0 } = condition;
  const errors = isQualifiedName(type).map((text) => invalidValue(path.child('type'), type, text));
  if (status !== 'True' && status !== 'False' && status !== 'Unknown')
    errors.push(notSupported(path.child('status'), status, ['False', 'True', 'Unknown']));
  if (observedGeneration < 0)
    errors.push(
      invalidValue(path.child('observedGeneration'), observedGeneration, 'must be greater than or equal to zero'),
    );
  if (!condition.lastTransitionTime) errors.push(required(path.child('lastTransitionTime')));
  if (reason === '') errors.push(required(path.child('reason')));
  else {
    if (!reasonPattern.test(reason)) {
      const rule =
        "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
      errors.push(
        invalidValue(
          path.child('reason'),
          reason,
          regexError(rule, REASON, 'my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'),
        ),
      );
    }
    if (Buffer.byteLength(reason) > MAX_REASON) errors.push(tooLong(path.child('reason'), MAX_REASON));
  }
  if (Buffer.byteLength(message) > MAX_MESSAGE) errors.push(tooLong(path.child('message'), MAX_MESSAGE));
  return errors;
}
