import type { RequestScope } from './registry.ts';

/** The same request about something else. Doors pass objects of classes, so a spread would lose the methods. */
export function derivedScope(scope: RequestScope, changes: Partial<RequestScope>): RequestScope {
  const {
    user,
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
    dryRun,
    fieldManager,
    fieldValidation,
    userAgent,
  } = scope;
  return {
    user,
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
    dryRun,
    fieldManager,
    fieldValidation,
    userAgent,
    warn: (text) => scope.warn(text),
    annotate: (key, value) => scope.annotate(key, value),
    ...changes,
  };
}
