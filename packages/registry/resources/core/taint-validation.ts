import type { Taint } from '@nodeless/apimachinery/generated/types/core/v1';
import { isLabelValue } from '@nodeless/apimachinery/names';
import { checkQualifiedName, checkRequiredOneOf, duplicate, type Faults, invalid } from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import { taintEffects } from './pod-template/pod-spec-validation.ts';

export function checkTaints(faults: Faults, path: string, taints: readonly Taint[] | undefined): void {
  const seen = new Set<string>();
  taints?.forEach((taint, i) => {
    const at = `${path}[${i}]`;
    const { key = '', value = '', effect = '' } = taint;
    checkQualifiedName(faults, `${at}.key`, key);
    const complaints = isLabelValue(value);
    if (complaints.length > 0) faults.push(invalid(`${at}.value`, value, complaints.join(';')));
    checkRequiredOneOf(faults, `${at}.effect`, effect, taintEffects);
    const pair = `${effect}/${key}`;
    if (seen.has(pair)) {
      const fault = duplicate(at, internalValue('Taint', taint));
      faults.push({ ...fault, message: `${fault.message}: taints must be unique by key and effect pair` });
    }
    seen.add(pair);
  });
}
