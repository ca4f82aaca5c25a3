import type { MatchCondition } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { checkQualifiedName, duplicate, type Faults, required, tooMany } from '../checks.ts';
import { checkExpression, type Scope } from './expressions.ts';

const most = 64;

export function checkMatchConditions(
  faults: Faults,
  path: string,
  conditions: readonly MatchCondition[] | undefined,
  scope: Scope,
): void {
  const seen = new Set<string>();
  if ((conditions?.length ?? 0) > most) faults.push(tooMany(path, conditions!.length, most));
  conditions?.forEach(({ name = '', expression = '' }, i) => {
    const at = `${path}[${i}]`;
    const trimmed = expression.trim();
    if (trimmed === '') faults.push(required(`${at}.expression`));
    else checkExpression(faults, `${at}.expression`, trimmed, scope);
    if (name === '') faults.push(required(`${at}.name`));
    else checkQualifiedName(faults, `${at}.name`, name);
    if (name !== '' && seen.has(name)) faults.push(duplicate(`${at}.name`, name));
    seen.add(name);
  });
}
