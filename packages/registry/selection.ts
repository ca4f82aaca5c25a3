import { type FieldSelector, parseFieldSelector, requiredFieldValue } from '@nodeless/apimachinery/fields';
import { parseLabelSelector } from '@nodeless/apimachinery/label-selector-parser';
import { type Selector, SelectorError, everything, matchesSelector } from '@nodeless/apimachinery/labels';
import { badRequest } from '@nodeless/apimachinery/status';
import type { Entry, KeyRange } from '@nodeless/store/store';
import type { Endpoint } from './endpoint.ts';
import type { ListOptions, RequestScope } from './registry.ts';

/** Which objects a list, watch or deletecollection is about: where to look, and what to take. */
export interface Selection {
  readonly range: KeyRange;
  /** undefined: everything in the range. Never parses an object. */
  readonly filter: ((entry: Entry) => boolean) | undefined;
}

/** @throws ApiError 400 */
export function selectionOf(
  endpoint: Endpoint,
  scope: Pick<RequestScope, 'namespace' | 'name'>,
  options: ListOptions,
): Selection {
  const labels = parsed(() => (options.labelSelector ? parseLabelSelector(options.labelSelector) : everything));
  const fields = options.fieldSelector
    ? parsed(() => fieldSelectorOf(endpoint, options.fieldSelector as string))
    : noFields;
  const range = rangeOf(endpoint, scope, fields);
  return { range, filter: filterOf(labels, fields) };
}

const noFields: FieldSelector = { requirements: [] };

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}

function fieldSelectorOf(endpoint: Endpoint, text: string): FieldSelector {
  const names = endpoint.strategy.fieldNames;
  const known = new Set(names);
  return parseFieldSelector(text, (field, value) => {
    if (
      field === 'metadata.name' ||
      field === 'metadata.namespace' ||
      known.has(field) ||
      (field === '' && value === '')
    )
      return { field, value };
    // pods were once selected by their host
    if (field === 'spec.host' && known.has('spec.nodeName')) return { field: 'spec.nodeName', value };
    throw badRequest(unknownField(endpoint, field));
  });
}

/** Kinds with fields of their own word it differently from those without. */
function unknownField({ served, strategy }: Endpoint, field: string): string {
  if (served.group === 'batch' && served.resource === 'jobs')
    return `field label ${JSON.stringify(field)} not supported for batchv1.Job`;
  if (strategy.fieldNames) return `field label not supported: ${field}`;
  return `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
}

/** As narrow as the namespace, a name and the kind's trigger field allow. */
function rangeOf(endpoint: Endpoint, scope: Pick<RequestScope, 'namespace' | 'name'>, fields: FieldSelector): KeyRange {
  const { namespaced } = endpoint.served;
  const { prefix } = endpoint.storage;
  const namespace = namespaced ? scope.namespace || requiredFieldValue(fields, 'metadata.namespace') || '' : '';
  const name = scope.name || requiredFieldValue(fields, 'metadata.name');
  if (name && !name.includes('/') && (namespace !== '' || !namespaced))
    return { prefix: endpoint.key(namespace, name) };
  const { trigger } = endpoint.strategy;
  const wanted = trigger && requiredFieldValue(fields, trigger.field);
  return {
    prefix: namespace === '' || namespace.includes('/') ? prefix : `${prefix}${namespace}/`,
    ...(wanted !== undefined && { trigger: wanted }),
  };
}

function filterOf(labels: Selector, fields: FieldSelector): Selection['filter'] {
  const byLabels = labels.requirements.length > 0;
  const terms = fields.requirements;
  if (!byLabels && terms.length === 0) return undefined;
  return (entry) => {
    if (byLabels && !matchesSelector(labels, entry.attributes.labels)) return false;
    for (let i = 0; i < terms.length; i++) {
      const { field, operator, value } = terms[i] as FieldSelector['requirements'][number];
      if ((fieldOf(entry, field) === value) !== (operator === '=')) return false;
    }
    return true;
  };
}

function fieldOf({ key, attributes }: Entry, field: string): string {
  if (field === 'metadata.name') return key.slice(key.lastIndexOf('/') + 1);
  if (field === 'metadata.namespace') {
    const end = key.lastIndexOf('/');
    return key.slice(key.lastIndexOf('/', end - 1) + 1, end);
  }
  return attributes.fields && Object.hasOwn(attributes.fields, field) ? (attributes.fields[field] as string) : '';
}
