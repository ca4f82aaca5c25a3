import type { Condition } from '@nodeless/apimachinery/generated/types/meta/v1';
import { regexError } from '@nodeless/apimachinery/names';
import { checkOneOf, checkQualifiedName, duplicate, type Faults, invalid, required, tooLong } from './checks.ts';

const reason = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const wholeReason = new RegExp(`^${reason}$`);
const reasonWords =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
const maxReason = 1024;
const maxMessage = 32 * 1024;

/** Conditions of metav1's own type: older kinds have theirs, with fewer rules. */
export function checkConditions(faults: Faults, path: string, conditions: readonly Condition[] | undefined): void {
  const seen = new Set<string>();
  conditions?.forEach((condition, i) => {
    const at = `${path}[${i}]`;
    const type = condition.type ?? '';
    if (seen.has(type)) faults.push(duplicate(`${at}.type`, type));
    seen.add(type);
    checkCondition(faults, at, condition);
  });
}

export function checkCondition(faults: Faults, at: string, condition: Readonly<Condition>): void {
  checkQualifiedName(faults, `${at}.type`, condition.type ?? '');
  checkOneOf(faults, `${at}.status`, condition.status, ['False', 'True', 'Unknown']);
  const generation = condition.observedGeneration ?? 0;
  if (generation < 0)
    faults.push(invalid(`${at}.observedGeneration`, generation, 'must be greater than or equal to zero'));
  if (!condition.lastTransitionTime) faults.push(required(`${at}.lastTransitionTime`));
  const text = condition.reason ?? '';
  if (text === '') faults.push(required(`${at}.reason`));
  else {
    if (!wholeReason.test(text)) {
      faults.push(
        invalid(
          `${at}.reason`,
          text,
          regexError(reasonWords, reason, 'my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'),
        ),
      );
    }
    if (Buffer.byteLength(text) > maxReason) faults.push(tooLong(`${at}.reason`, maxReason));
  }
  if (Buffer.byteLength(condition.message ?? '') > maxMessage) faults.push(tooLong(`${at}.message`, maxMessage));
}
