/**
 * The API server checks definitions in the form that it holds them in: what all versions have alike (even if there is
 * but one) stands once, above them, and that is where its messages point to.
 */
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  CustomResourceValidation,
  SelectableField,
} from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { sameValue } from '../checks.ts';

export interface DefinitionForm {
  readonly validation?: CustomResourceValidation;
  readonly subresources?: CustomResourceSubresources;
  readonly additionalPrinterColumns?: readonly CustomResourceColumnDefinition[];
  readonly selectableFields?: readonly SelectableField[];
  readonly versions: readonly CustomResourceDefinitionVersion[];
}

const shared = ['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'] as const;

export function formOf(spec: Readonly<CustomResourceDefinitionSpec>): DefinitionForm {
  const given = spec.versions ?? [];
  const first = given[0];
  if (!first) return { versions: given };
  const alike = shared.filter((field) => given.every((version) => sameValue(version[field], first[field])));
  const versions = given.map((version) => {
    const own = { ...version };
    for (const field of alike) delete own[field];
    return own;
  });
  const above = <K extends (typeof shared)[number]>(field: K): CustomResourceDefinitionVersion[K] | undefined =>
    alike.includes(field) ? first[field] : undefined;
  return {
    validation: above('schema'),
    subresources: above('subresources'),
    additionalPrinterColumns: above('additionalPrinterColumns'),
    selectableFields: above('selectableFields'),
    versions,
  };
}
