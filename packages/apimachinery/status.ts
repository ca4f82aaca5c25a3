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
  kind: r.resource,
});

export function notFound(resource: Named, name: string): ApiError {
  const message = `${qualified(resource)} ${JSON.stringify(name)} not found`;
  return new ApiError({ code: 404, reason: 'NotFound', message, details: details(resource, name) });
}
export function alreadyExists(resource: Named, name: string): ApiError {
  const message = `${qualified(resource)} ${JSON.stringify(name)} already exists`;
  return new ApiError({ code: 409, reason: 'AlreadyExists', message, details: details(resource, name) });
}
export function conflict(resource: Named, name: string, cause: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} ${JSON.stringify(name)}: ${cause}`;
  return new ApiError({ code: 409, reason: 'Conflict', message, details: details(resource, name) });
}
export function forbidden(resource: Named, name: string, cause: string): ApiError {
  const about = resource.resource === '' ? 'forbidden' : name === '' ? `${qualified(resource)} is forbidden` : `${qualified(resource)} ${JSON.stringify(name)} is forbidden`;
  return new ApiError({ code: 403, reason: 'Forbidden', message: `${about}: ${cause}`, details: details(resource, name) });
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
    { code: 500, reason: 'InternalError', message: `Internal error occurred: ${text}`, details: { causes: [{ message: text }] } },
    { cause },
  );
}
export function unauthorized(): ApiError {
  return new ApiError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
}
export function tooManyRequests(message: string, retryAfterSeconds: number): ApiError {
  return new ApiError({ code: 429, reason: 'TooManyRequests', message, details: { retryAfterSeconds } });
}
export function serviceUnavailable(message: string): ApiError {
  return new ApiError({ code: 503, reason: 'ServiceUnavailable', message });
}
export function methodNotSupported(resource: Named, action: string): ApiError {
  const message = `${action} is not supported on resources of kind ${JSON.stringify(qualified(resource))}`;
  return new ApiError({ code: 405, reason: 'MethodNotAllowed', message, details: details(resource, '') });
}

/** One field's fault, as k8s.io/apimachinery/pkg/util/validation/field makes it. */
export interface FieldError {
  type: 'FieldValueRequired' | 'FieldValueInvalid' | 'FieldValueNotSupported' | 'FieldValueForbidden' | 'FieldValueDuplicate' | 'FieldValueNotFound' | 'FieldValueTooLong' | 'FieldValueTooMany' | 'FieldValueTypeInvalid' | 'InternalError';
  /** `spec.containers[0].name` */
  field: string;
  /** The whole text after the field: `Invalid value: "x": must be …`. */
  message: string;
}

/** 422 with a cause for each field error; `kind` with its group as kube-apiserver writes it (`Deployment.apps`). */
export function invalid(kind: { group: string; kind: string }, name: string, errors: readonly FieldError[]): ApiError {
  const about = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const texts = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: `${about} ${JSON.stringify(name)} is invalid${texts.length ? `: ${list}` : ''}`,
    details: {
      ...(name === '' ? {} : { name }),
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.kind,
      causes: errors.map((e) => ({ reason: e.type, message: e.message, field: e.field })),
    },
  });
}
