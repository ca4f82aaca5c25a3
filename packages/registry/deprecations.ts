import type { RequestScope } from './registry.ts';

/** Kinds of the core group that upstream warns of, whatever is done with them. */
const warnings = new Map([
  ['componentstatuses', 'v1 ComponentStatus is deprecated in v1.19+'],
  ['endpoints', 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'],
]);

export function warnOfDeprecation(scope: RequestScope): void {
  const text = scope.group === '' ? warnings.get(scope.resource) : undefined;
  if (text !== undefined) scope.warn(text);
}
