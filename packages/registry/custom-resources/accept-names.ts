import { withCondition } from '@nodeless/apimachinery/conditions';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from '@nodeless/apimachinery/generated/types/apiextensions/v1';

/**
 * The status of a definition among the others of its group: its names, unless another has them already, and whether it
 * is served. `now`: RFC 3339. The same object where nothing changes.
 */
export function planStatus(
  definition: Readonly<CustomResourceDefinition>,
  others: readonly Readonly<CustomResourceDefinition>[],
  now: string,
): CustomResourceDefinitionStatus {
  const before = definition.status ?? {};
  const { names } = definition.spec;
  const taken = takenNames(definition, others);
  const current = before.acceptedNames;
  const accepted: CustomResourceDefinitionNames = { plural: current?.plural ?? '', kind: current?.kind ?? '' };
  const faults: { readonly reason: string; readonly message: string }[] = [];
  const claim = (what: string, name: string, among: ReadonlySet<string>): boolean => {
    if (!among.has(name)) return true;
    faults.push({ reason: `${what}Conflict`, message: `${JSON.stringify(name)} is already in use` });
    return false;
  };
  if (claim('Plural', names.plural, taken.resources)) accepted.plural = names.plural;
  if (names.singular !== undefined && claim('Singular', names.singular, taken.resources))
    accepted.singular = names.singular;
  if ((names.shortNames ?? []).every((name) => claim('ShortNames', name, taken.resources)) && names.shortNames)
    accepted.shortNames = names.shortNames;
  if (claim('Kind', names.kind, taken.kinds)) accepted.kind = names.kind;
  if (names.listKind !== undefined && claim('ListKind', names.listKind, taken.kinds))
    accepted.listKind = names.listKind;
  if (names.categories) accepted.categories = names.categories;

  const fault = faults[0];
  const namesCondition: CustomResourceDefinitionCondition = fault
    ? { type: 'NamesAccepted', status: 'False', ...fault }
    : { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' };
  let conditions = withCondition(before.conditions, namesCondition, now);
  const wasEstablished = before.conditions?.some((c) => c.type === 'Established' && c.status === 'True') === true;
  if (!fault && !wasEstablished) {
    conditions = withCondition(
      conditions,
      {
        type: 'Established',
        status: 'True',
        reason: 'InitialNamesAccepted',
        message: 'the initial names have been accepted',
      },
      now,
    );
  } else if (fault && !before.conditions?.some((c) => c.type === 'Established')) {
    conditions = withCondition(
      conditions,
      { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' },
      now,
    );
  }
  return {
    ...before,
    conditions: conditions as CustomResourceDefinitionCondition[],
    acceptedNames: accepted,
    storedVersions: before.storedVersions ?? [],
  };
}

function takenNames(
  { metadata, spec }: Readonly<CustomResourceDefinition>,
  others: readonly Readonly<CustomResourceDefinition>[],
) {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const other of others) {
    if (other.spec.group !== spec.group || other.metadata?.name === metadata?.name) continue;
    const names = other.status?.acceptedNames;
    if (!names) continue;
    for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) if (name) resources.add(name);
    for (const name of [names.kind, names.listKind]) if (name) kinds.add(name);
  }
  return { resources, kinds };
}
