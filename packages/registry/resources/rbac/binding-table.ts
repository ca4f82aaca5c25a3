import type { RoleBinding } from '@nodeless/apimachinery/generated/types/rbac/v1';
import type { Row } from '../table-of.ts';

/** Role and cluster role bindings alike. */
export function bindingCells({ roleRef, subjects }: Readonly<RoleBinding>, { name, age }: Row): unknown[] {
  const of = (kind: string): NonNullable<RoleBinding['subjects']> =>
    (subjects ?? []).filter((subject) => subject.kind === kind);
  const users = of('User').map((subject) => subject.name);
  const groups = of('Group').map((subject) => subject.name);
  const accounts = of('ServiceAccount').map((subject) => `${subject.namespace ?? ''}/${subject.name}`);
  return [
    name,
    `${roleRef?.kind ?? ''}/${roleRef?.name ?? ''}`,
    age,
    users.join(', '),
    groups.join(', '),
    accounts.join(', '),
  ];
}
