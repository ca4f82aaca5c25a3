import type { CustomResourceDefinitionNames } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { isDns1035Label } from '@nodeless/apimachinery/names';
import { type Faults, invalid } from '../checks.ts';

/** Fields that are not set are a matter of the caller's. */
export function checkNames(faults: Faults, at: string, names: Readonly<Partial<CustomResourceDefinitionNames>>): void {
  for (const field of ['plural', 'singular'] as const) checkLabel(faults, `${at}.${field}`, names[field] ?? '');
  for (const field of ['kind', 'listKind'] as const) {
    const name = names[field] ?? '';
    const complaints = name === '' ? [] : isDns1035Label(name.toLowerCase());
    if (complaints.length > 0) {
      faults.push(
        invalid(`${at}.${field}`, name, `may have mixed case, but should otherwise match: ${complaints.join(',')}`),
      );
    }
  }
  names.shortNames?.forEach((name, i) => checkLabel(faults, `${at}.shortNames[${i}]`, name, true));
  if (names.kind && names.kind === names.listKind)
    faults.push(invalid(`${at}.listKind`, names.listKind, 'kind and listKind may not be the same'));
  names.categories?.forEach((name, i) => checkLabel(faults, `${at}.categories[${i}]`, name, true));
}

export function checkLabel(faults: Faults, path: string, name: string, evenEmpty = false): void {
  const complaints = name === '' && !evenEmpty ? [] : isDns1035Label(name);
  if (complaints.length > 0) faults.push(invalid(path, name, complaints.join(',')));
}
