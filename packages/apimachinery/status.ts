import { aggregate, formatFieldError } from './field-errors.ts';
import { quoteGo } from './quote-go.ts';

/** The error family of the API: each carries the metav1.Status that kube-apiserver would answer. */

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}
export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, unknown>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code?: number;
}

/** Thrown by everything that answers API requests; translated to a response once, at the door. */
export class ApiError extends Error {
  readonly status: Status;
  constructor(
    init: { code: number; reason?: string; message: string; details?: StatusDetails; status?: Partial<Status> },
    options?: ErrorOptions,
  ) {
    super(init.message, options);
    this.name = 'ApiError';
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: init.message,
      ...(init.reason === undefined ? {} : { reason: init.reason }),
      ...(init.details === undefined ? {} : { details: init.details }),
      code: init.code,
    };
  }
  get code(): number {
    return this.status.code ?? 500;
  }
  get reason(): string {
    return this.status.reason ?? '';
  }
}

export function isApiError(error: unknown, reason?: string): error is ApiError {
  return error instanceof ApiError && (reason === undefined || error.reason === reason);
}
export const isNotFound = (error: unknown): boolean => isApiError(error, 'NotFound');
export const isConflict = (error: unknown): boolean => isApiError(error, 'Conflict');
export const isAlreadyExists = (error: unknown): boolean => isApiError(error, 'AlreadyExists');
export const isInvalid = (error: unknown): boolean => isApiError(error, 'Invalid');
export const isForbidden = (error: unknown): boolean => isApiError(error, 'Forbidden');
export const isGone = (error: unknown): boolean => isApiError(error, 'Expired') || isApiError(error, 'Gone');

interface Named {
  group: string;
  resource: string;
}
const qualified = (r: Named): string => (r.group === '' ? r.resource : `${r.resource}.${r.group}`);
const details = (r: Named, name: string): StatusDetails => ({
  ...(name === '' ? {} : { name }),
  ...(r.group === '' ? {} : { group: r.group }),
  ...(r.resource === '' ? {} : { kind: r.resource }),
});
/** Go leaves out a zero. */
const retryAfter = (seconds: number): StatusDetails => (seconds === 0 ? {} : { retryAfterSeconds: seconds });

export function notFound(resource: Named, name: string): ApiError {
  const message = `${qualified(resource)} ${quoteGo(name)} not found`;
  return new ApiError({ code: 404, reason: 'NotFound', message, details: details(resource, name) });
}
export function alreadyExists(resource: Named, name: string): ApiError {
  const message = `${qualified(resource)} ${quoteGo(name)} already exists`;
  return new ApiError({ code: 409, reason: 'AlreadyExists', message, details: details(resource, name) });
}
/** generateName found no free name. */
export function generateNameConflict(resource: Named, name: string): ApiError {
  const message = `${qualified(resource)} ${quoteGo(name)} already exists, the server was not able to generate a unique name for the object`;
  return new ApiError({
    code: 409,
    reason: 'AlreadyExists',
    message,
    details: { ...details(resource, name), ...retryAfter(1) },
  });
}
export function conflict(resource: Named, name: string, cause: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} ${quoteGo(name)}: ${cause}`;
  return new ApiError({ code: 409, reason: 'Conflict', message, details: details(resource, name) });
}
export function forbidden(resource: Named, name: string, cause: string): ApiError {
  const about =
    resource.resource === ''
      ? 'forbidden'
      : name === ''
        ? `${qualified(resource)} is forbidden`
        : `${qualified(resource)} ${quoteGo(name)} is forbidden`;
  return new ApiError({
    code: 403,
    reason: 'Forbidden',
    message: `${about}: ${cause}`,
    details: details(resource, name),
  });
}
export function badRequest(message: string): ApiError {
  return new ApiError({ code: 400, reason: 'BadRequest', message });
}
export function expired(message: string): ApiError {
  return new ApiError({ code: 410, reason: 'Expired', message });
}
export function internalError(cause: unknown): ApiError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new ApiError(
    {
      code: 500,
      reason: 'InternalError',
      message: `Internal error occurred: ${text}`,
      details: { causes: [{ message: text }] },
    },
    { cause },
  );
}
export function unauthorized(message = 'Unauthorized'): ApiError {
  return new ApiError({ code: 401, reason: 'Unauthorized', message });
}
export function tooManyRequests(message: string, retryAfterSeconds: number): ApiError {
  return new ApiError({ code: 429, reason: 'TooManyRequests', message, details: retryAfter(retryAfterSeconds) });
}
export function requestEntityTooLarge(message: string): ApiError {
  return new ApiError({ code: 413, reason: 'RequestEntityTooLarge', message: `Request entity too large: ${message}` });
}
/** 504. */
export function timeout(message: string, retryAfterSeconds: number): ApiError {
  return new ApiError({
    code: 504,
    reason: 'Timeout',
    message: `Timeout: ${message}`,
    details: retryAfter(retryAfterSeconds),
  });
}
/** A revision that this server has not reached (k8s.io/apiserver/pkg/storage). */
export function tooLargeResourceVersion(
  wanted: number | string,
  current: number | string,
  retryAfterSeconds = 1,
): ApiError {
  return new ApiError({
    code: 504,
    reason: 'Timeout',
    message: `Timeout: Too large resource version: ${wanted}, current: ${current}`,
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      ...retryAfter(retryAfterSeconds),
    },
  });
}
/** 500, but safe to try again: nothing was changed. */
export function serverTimeout(resource: Named, operation: string, retryAfterSeconds: number): ApiError {
  const message = `The ${operation} operation against ${qualified(resource)} could not be completed at this time, please try again.`;
  return new ApiError({
    code: 500,
    reason: 'ServerTimeout',
    message,
    details: { ...details(resource, operation), ...retryAfter(retryAfterSeconds) },
  });
}
/** 410 for good, where `expired` means that the revision is gone. */
export function gone(message: string): ApiError {
  return new ApiError({ code: 410, reason: 'Gone', message });
}
export function serviceUnavailable(message: string): ApiError {
  return new ApiError({ code: 503, reason: 'ServiceUnavailable', message });
}
export function methodNotSupported(resource: Named, action: string): ApiError {
  const message = `${action} is not supported on resources of kind ${quoteGo(qualified(resource))}`;
  return new ApiError({ code: 405, reason: 'MethodNotAllowed', message, details: details(resource, '') });
}

/** One field's fault, as k8s.io/apimachinery/pkg/util/validation/field makes it; made by field-errors.ts. */
export interface FieldError {
  type:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueDuplicate'
    | 'FieldValueNotFound'
    | 'FieldValueTooLong'
    | 'FieldValueTooShort'
    | 'FieldValueTooMany'
    | 'FieldValueTooFew'
    | 'FieldValueTypeInvalid'
    | 'InternalError';
  /** `spec.containers[0].name` */
  field: string;
  /** The whole text after the field: `Invalid value: "x": must be …`. */
  message: string;
}

/**
 * 422 with a cause for each field error; `kind` with its group as kube-apiserver writes it (`Deployment.apps`). The
 * message names each distinct error once, the causes repeat what is repeated, as upstream.
 */
export function invalid(kind: { group: string; kind: string }, name: string, errors: readonly FieldError[]): ApiError {
  const about = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const list = aggregate(errors.map(formatFieldError));
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: `${about} ${quoteGo(name)} is invalid${list === '' ? '' : `: ${list}`}`,
    details: {
      ...(name === '' ? {} : { name }),
      ...(kind.group === '' ? {} : { group: kind.group }),
      ...(kind.kind === '' ? {} : { kind: kind.kind }),
      ...(errors.length === 0
        ? {}
        : { causes: errors.map((e) => ({ reason: e.type, message: e.message, field: e.field })) }),
    },
  });
}
