import { managerOrUserAgent } from '@nodeless/apimachinery/apply/manager-name';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { AdmissionAttributes } from './admission/admission.ts';
import { type Endpoint, doorOf } from './endpoint.ts';
import type { RequestScope } from './registry.ts';
import type { LateWrites } from './side-effects.ts';
import type { RequestContext, Strategy } from './strategy.ts';

/** What stays the same through all attempts of a write. */
export interface WriteRequest {
  readonly scope: RequestScope;
  readonly endpoint: Endpoint;
  /** The strategy of the main resource or the subresource that is written through. */
  readonly door: Strategy;
  readonly context: RequestContext;
  readonly dryRun: boolean;
  readonly manager: string;
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  /** What admission is shown in place of the stored object (a Scale). */
  readonly present?: (object: Readonly<UnknownObject>) => UnknownObject;
  /** What validating admission adds to the commit; emptied before each attempt. */
  readonly late: LateWrites[];
  /** Adds a warning; each text once, however often the write is tried again. */
  readonly warn: (text: string) => void;
}

/** Defaults of the kind; a door may have its own. */
export function fillDefaults({ endpoint, door }: Pick<WriteRequest, 'endpoint' | 'door'>, object: UnknownObject): void {
  if (door.default) door.default(object);
  else endpoint.strategy.default?.(object);
}

export function beginWrite(
  scope: RequestScope,
  endpoint: Endpoint,
  now: () => number,
  door: Strategy = doorOf(endpoint, scope.subresource),
): WriteRequest {
  let warned: Set<string> | undefined;
  return {
    late: [],
    scope,
    endpoint,
    door,
    context: {
      user: scope.user,
      subresource: scope.subresource,
      namespace: scope.namespace,
      now,
      apiVersion: endpoint.served.apiVersion,
    },
    dryRun: scope.dryRun !== undefined && scope.dryRun.length > 0,
    manager: managerOrUserAgent(scope.fieldManager ?? '', scope.userAgent),
    fieldValidation: (scope.fieldValidation || 'Warn') as WriteRequest['fieldValidation'],
    warn(text) {
      if (warned?.has(text)) return;
      (warned ??= new Set()).add(text);
      scope.warn(text);
    },
  };
}

export function admissionAttributes(
  {
    scope,
    endpoint,
    dryRun,
    warn,
    present,
    late,
  }: Pick<WriteRequest, 'scope' | 'endpoint' | 'dryRun' | 'warn' | 'present'> & { readonly late?: LateWrites[] },
  operation: AdmissionAttributes['operation'],
  object: UnknownObject | undefined,
  oldObject: Readonly<UnknownObject> | undefined,
  options?: Readonly<UnknownObject>,
): AdmissionAttributes {
  const { group, version, resource, subresource, namespace } = scope;
  const body =
    subresource === '' ? endpoint.served : (endpoint.served.subresources.get(subresource) ?? endpoint.served);
  const [bodyGroup, bodyVersion] = [body.group, body.version];
  return {
    operation,
    resource: { group, version, resource },
    kind: { group: bodyGroup, version: bodyVersion, kind: body.kind },
    subresource,
    namespace: endpoint.served.namespaced ? namespace : '',
    name: scope.name || object?.metadata?.name || oldObject?.metadata?.name || '',
    object: present && object ? present(object) : object,
    oldObject: present && oldObject ? present(oldObject) : oldObject,
    options,
    user: scope.user,
    dryRun,
    warn,
    annotate: (key, value) => scope.annotate(key, value),
    ...(late && { alsoWrite: (writes: LateWrites) => void late.push(writes) }),
  };
}
