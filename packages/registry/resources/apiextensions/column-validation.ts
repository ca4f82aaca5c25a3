import type {
  CustomResourceColumnDefinition,
  CustomResourceSubresources,
} from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { type Faults, invalid, required } from '../checks.ts';

const types = ['boolean', 'date', 'integer', 'number', 'string'];
const formats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

export function checkColumn(
  faults: Faults,
  at: string,
  column: Readonly<Partial<CustomResourceColumnDefinition>>,
): void {
  if (!column.name) faults.push(required(`${at}.name`));
  const rule = `must be one of ${types.join(',')}`;
  if (!column.type) faults.push(required(`${at}.type`, rule));
  else if (!types.includes(column.type)) faults.push(invalid(`${at}.type`, column.type, rule));
  if (column.format && !formats.includes(column.format))
    faults.push(invalid(`${at}.format`, column.format, `must be one of ${formats.join(',')}`));
  if (!column.jsonPath) faults.push(required(`${at}.JSONPath`));
  else checkPath(faults, `${at}.JSONPath`, column.jsonPath);
}

function checkPath(faults: Faults, path: string, value: string): boolean {
  if (value.startsWith('.')) return true;
  faults.push(invalid(path, value, 'must be a simple json path starting with .'));
  return false;
}

export function checkSubresources(
  faults: Faults,
  at: string,
  subresources: Readonly<CustomResourceSubresources>,
): void {
  const { scale } = subresources;
  if (!scale) return;
  for (const [field, parent] of [
    ['specReplicasPath', '.spec'],
    ['statusReplicasPath', '.status'],
  ] as const) {
    const path = `${at}.scale.${field}`;
    const value = scale[field] ?? '';
    if (value === '') faults.push(required(path));
    else if (checkPath(faults, path, value) && !value.startsWith(`${parent}.`)) {
      faults.push(invalid(path, value, `should be a json path under ${parent}`));
    }
  }
  const selector = scale.labelSelectorPath ?? '';
  const path = `${at}.scale.labelSelectorPath`;
  if (selector !== '' && checkPath(faults, path, selector) && !/^\.(?:spec|status)\./.test(selector)) {
    faults.push(invalid(path, selector, 'should be a json path under either .spec or .status'));
  }
}
