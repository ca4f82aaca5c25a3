import { type JsonDocument, noLiterals } from '../json-value.ts';
import type { StructType } from '../schema.ts';
import { type Diagnosis, diagnose } from './diagnose.ts';
import { diagnoseUntyped } from './diagnose-untyped.ts';
import { type Run, structDecoder } from './field-decoder.ts';

/**
 * Turns a parsed document into the canonical object of a type: what kube-apiserver's decoder makes of it and its
 * encoder would write again. Fields in the order of the structs, unknown ones dropped, nulls and empties resolved,
 * zero values where Go shows them, quantities, times, durations and base64 in their canonical form.
 * No defaults are filled in.
 */
export interface DecodeOptions {
  /** What the request says of unknown and duplicate fields; '' is Warn. Default Ignore. */
  readonly fieldValidation?: FieldValidation;
  /** Where the value was parsed from: its repeated keys and the numbers that are not as JavaScript writes them. */
  readonly document?: Pick<JsonDocument, 'duplicates' | 'literals'>;
  /**
   * How the value came about. `json` = it is a request body, read by Go's JSON decoder. `untyped` = a strategic merge
   * patch or an apply made it out of untyped objects, which are converted and checked by other rules and texts.
   */
  readonly source?: 'json' | 'untyped';
  /**
   * Take frozen structs within the value as canonical, because they come from the store: an update that changes the
   * status costs nothing for the spec. Only for callers that freeze nothing else.
   */
  readonly trustFrozen?: boolean;
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore' | '';

export interface Decoded {
  /** Mutable and not shared with the value, apart from frozen parts under `trustFrozen` and field sets of managedFields. */
  readonly object: Record<string, unknown>;
  /** For the Warning header, one text each: `unknown field "spec.zag"`. Empty unless fieldValidation is Warn. */
  readonly warnings: readonly string[];
}

/** The value does not fit the type. The message is Go's, to be put behind what the door says first. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DecodeError';
  }
}

/** Strict validation found unknown or duplicate fields: `strict decoding error: unknown field "zig", …`. */
export class StrictDecodeError extends DecodeError {
  readonly errors: readonly string[];
  constructor(errors: readonly string[]) {
    super(strictDecodingMessage(errors));
    this.name = 'StrictDecodeError';
    this.errors = errors;
  }
}

export function strictDecodingMessage(errors: readonly string[]): string {
  return `strict decoding error: ${errors.join(', ')}`;
}

const noDocument: Pick<JsonDocument, 'duplicates' | 'literals'> = { duplicates: [], literals: noLiterals };

/** @throws DecodeError, StrictDecodeError */
export function decodeObject(value: unknown, type: StructType, options: DecodeOptions = {}): Decoded {
  const { fieldValidation = 'Ignore', document = noDocument, source = 'json', trustFrozen = false } = options;
  const untyped = source === 'untyped';
  const run: Run = { untyped, trustFrozen, unknown: false };
  let diagnosis: Diagnosis | undefined;
  const explain = (): Diagnosis =>
    (diagnosis ??= untyped ? diagnoseUntyped(value, type) : diagnose(value, type, document));

  let object: Record<string, unknown>;
  try {
    object = (value === null ? structDecoder(type).zero() : structDecoder(type).decode(value, run)) as Record<
      string,
      unknown
    >;
  } catch (cause) {
    // JSON within the object is deeper than the stack; Go gives up at 10,000 levels, with these words
    if (cause instanceof RangeError) throw new DecodeError('exceeded max depth');
    const { error } = explain();
    if (error !== undefined) throw new DecodeError(error);
    throw cause;
  }
  if (!untyped && document.literals.size > 0) {
    const { error } = explain();
    if (error !== undefined) throw new DecodeError(error);
  }
  if (fieldValidation === 'Ignore' || (!run.unknown && document.duplicates.length === 0))
    return { object, warnings: [] };
  const { strict } = explain();
  if (strict.length === 0) return { object, warnings: [] };
  if (fieldValidation === 'Strict') throw new StrictDecodeError(strict);
  return { object, warnings: strict };
}

/** What Go's empty struct of a kind is in JSON; what a create is compared with. */
export function zeroObject(type: StructType): Record<string, unknown> {
  return structDecoder(type).zero();
}
