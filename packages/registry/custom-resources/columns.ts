import { stringifyJson } from '@nodeless/apimachinery/json';
import { ageOf } from '@nodeless/apimachinery/duration';
import type { CustomResourceColumnDefinition } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import type { KindDefinition } from '../resource.ts';
import type { ColumnDefinition } from '../table.ts';
import { createdDescription, nameDescription } from '../table-encoder.ts';
import { parseJsonPath } from './json-path.ts';

const age: CustomResourceColumnDefinition = {
  name: 'Age',
  type: 'date',
  description: createdDescription,
  jsonPath: '.metadata.creationTimestamp',
};

/** The columns that a version declares, behind the name; Age alone where it declares none. */
export function tableOf(
  declared: readonly CustomResourceColumnDefinition[] | undefined,
): NonNullable<KindDefinition['table']> {
  const own = declared && declared.length > 0 ? declared : [age];
  const paths = own.map(({ jsonPath }) => parseJsonPath(jsonPath));
  return {
    columns: [
      { name: 'Name', type: 'string', format: 'name', description: nameDescription, priority: 0 },
      ...own.map(columnOf),
    ],
    print: (object, now) => ({
      cells: [object.metadata?.name ?? '', ...own.map(({ type }, i) => cellOf(type, paths[i]?.find(object)[0], now))],
    }),
  };
}

function columnOf({
  name,
  type,
  format = '',
  description,
  priority = 0,
  jsonPath,
}: CustomResourceColumnDefinition): ColumnDefinition {
  const text = description || `Custom resource definition column (in JSONPath format): ${jsonPath}`;
  return { name, type: type as ColumnDefinition['type'], format, description: text, priority };
}

/** null where the value is not of the column's type. */
function cellOf(type: string, value: unknown, now: number): unknown {
  if (value === undefined || (value === null && type !== 'string')) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'bigint' ? value : typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value !== 'string' ? null : Number.isNaN(Date.parse(value)) ? '<invalid>' : ageOf(value, now);
    case 'string':
      return typeof value === 'string' ? value : value === null ? '<nil>' : stringifyJson(value);
    default:
      return null;
  }
}
