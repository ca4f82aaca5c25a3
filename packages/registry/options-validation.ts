/** Checks of request options, as apimachinery's meta/v1/validation and meta/internalversion/validation make them. */
import {
  GoText,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  tooLong,
} from '@nodeless/apimachinery/field-errors';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import { type FieldError, invalid } from '@nodeless/apimachinery/status';
import type { DeleteOptions, ListOptions, PatchOptions, RequestScope } from './registry.ts';

const metaGroup = 'meta.k8s.io';

function check(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: metaGroup, kind }, '', errors);
}

/** CreateOptions, UpdateOptions or PatchOptions. */
export function checkWriteOptions(
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
  scope: RequestScope,
  patch?: PatchOptions,
): void {
  const errors: FieldError[] = [];
  if (scope.dryRun !== undefined) checkDryRun(scope.dryRun, errors);
  const manager = scope.fieldManager ?? '';
  if (patch?.type === 'apply') {
    if (manager === '') errors.push(required('fieldManager', 'is required for apply patch'));
  } else if (patch?.force !== undefined) {
    errors.push(forbiddenField('force', 'may not be specified for non-apply patch'));
  }
  if (manager !== '') checkFieldManager(manager, errors);
  const validation = scope.fieldValidation ?? '';
  if (validation !== '' && validation !== 'Ignore' && validation !== 'Warn' && validation !== 'Strict') {
    errors.push(notSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn']));
  }
  check(kind, errors);
}

function checkDryRun(values: readonly string[], errors: FieldError[]): void {
  if (values.every((v) => v === 'All')) return;
  // Go prints the whole list with %q joined by commas
  errors.push(notSupported('dryRun', new GoText(`[${values.map(quoteGo).join(',')}]`), ['All']));
}

const maxManagerLength = 128;

function checkFieldManager(manager: string, errors: FieldError[]): void {
  if (Buffer.byteLength(manager) > maxManagerLength) {
    errors.push(tooLong('fieldManager', maxManagerLength));
  }
  let position = 0;
  for (const char of manager) {
    if (!/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char)) {
      const code = (char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
      const printable = code.length > 4 || /\p{C}|\p{Z}/u.test(char) ? '' : ` '${char}'`;
      errors.push(
        invalidValue('fieldManager', manager, `invalid character U+${code}${printable} (at position ${position})`),
      );
      return;
    }
    position += Buffer.byteLength(char);
  }
}

export function checkListOptions(options: ListOptions): void {
  const match = options.resourceVersionMatch ?? '';
  if (match === '' && options.sendInitialEvents === undefined) return;
  const errors: FieldError[] = [];
  const field = 'resourceVersionMatch';
  if (match !== '') {
    if (!options.resourceVersion)
      errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (options.continue)
      errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan')
      errors.push(notSupported(field, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && options.resourceVersion === '0') {
      errors.push(forbiddenField(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (options.sendInitialEvents !== undefined)
    errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  check('ListOptions', errors);
}

export function checkWatchOptions(options: ListOptions): void {
  const match = options.resourceVersionMatch ?? '';
  const errors: FieldError[] = [];
  const field = 'resourceVersionMatch';
  if (options.sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(forbiddenField(field, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  }
  if (match !== '') {
    if (options.sendInitialEvents === undefined) {
      errors.push(
        forbiddenField(field, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'),
      );
    }
    if (match !== 'NotOlderThan') errors.push(notSupported(field, match, ['NotOlderThan']));
  }
  if (options.continue)
    errors.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'));
  check('ListOptions', errors);
}

export function checkDeleteOptions(options: DeleteOptions): void {
  const { propagationPolicy: policy, orphanDependents, dryRun } = options;
  const errors: FieldError[] = [];
  if (policy !== undefined && orphanDependents !== undefined) {
    errors.push(
      invalidValue('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'),
    );
  }
  if (policy !== undefined && policy !== 'Foreground' && policy !== 'Background' && policy !== 'Orphan') {
    errors.push(notSupported('propagationPolicy', policy, ['Foreground', 'Background', 'Orphan', 'nil']));
  }
  if (dryRun !== undefined) checkDryRun(dryRun, errors);
  check('DeleteOptions', errors);
}
