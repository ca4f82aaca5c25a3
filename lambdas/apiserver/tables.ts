/** Which of an object's other forms a client asked for, and whether it can have it. */
import { ApiError, badRequest } from '@nodeless/apimachinery/status';
import type { TableOptions } from '@nodeless/registry/table-encoder';
import type { Conversion } from './negotiation.ts';
import type { Query } from './query.ts';

type Included = TableOptions['includeObject'];

/** Errors: 400 for an `includeObject` that is none. */
export function includedObject(query: Query): Included {
  const value = query.get('includeObject') ?? '';
  if (value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'Object' || value === 'None') return value;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

/** A form that fits a list was asked of an object, or the other way round. `goType`: Go's name of the internal type. */
export function wrongShape(convert: Conversion, goType: string): ApiError {
  const [what, is] =
    convert.kind === 'PartialObjectMetadata'
      ? ['PartialObjectMetadata', 'is a list']
      : ['PartialObjectMetadataList', 'is not a list'];
  return new ApiError({
    code: 406,
    reason: 'NotAcceptable',
    message: `you requested ${what}, but the requested object ${is} (${goType})`,
  });
}
