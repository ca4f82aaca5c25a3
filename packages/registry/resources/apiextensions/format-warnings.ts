import type { CustomResourceDefinition } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import { formOf } from './definition-form.ts';
import { partsOfSchema, type Schema } from './structural-validation.ts';

type Definition = Readonly<CustomResourceDefinition>;

/** Without their dashes, which do not count. */
const ofStrings = new Set(
  (
    'bsonobjectid uri email hostname ipv4 ipv6 cidr mac uuid uuid3 uuid4 uuid5 isbn isbn10 isbn13 creditcard ssn hexcolor rgbcolor byte password date ' +
    'duration datetime k8sshortname k8slongname'
  ).split(' '),
);
const ofNumbers: Readonly<Record<string, readonly string[]>> = {
  integer: ['int32', 'int64'],
  number: ['float', 'double'],
};

/** Formats that nothing checks; those that were there before were warned of before. */
export function formatWarnings(definition: Definition, old?: Definition): string[] {
  const before = new Set(old ? unknownFormats(old) : []);
  return unknownFormats(definition)
    .filter((format) => !before.has(format))
    .map((format) => `unrecognized format ${quoteGo(format)}`);
}

function unknownFormats({ spec }: Definition): string[] {
  const { validation, versions } = formOf(spec);
  return [validation, ...versions.map(({ schema }) => schema)].flatMap((given) =>
    given?.openAPIV3Schema ? formatsIn(given.openAPIV3Schema) : [],
  );
}

function formatsIn(schema: Schema): string[] {
  const { format = '', type = '' } = schema;
  const isKnown =
    type === '' || type === 'string'
      ? ofStrings.has(format.replaceAll('-', ''))
      : ofNumbers[type]?.includes(format) === true;
  return [...(format === '' || isKnown ? [] : [format]), ...partsOfSchema(schema).flatMap(formatsIn)];
}
