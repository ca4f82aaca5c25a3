import type {
  IngressClass,
  IngressClassParametersReference,
} from '@nodeless/apimachinery/generated/types/networking/v1';
import { isDns1123Label } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  check,
  checkDomainPath,
  checkImmutable,
  type Faults,
  forbidden,
  notSupported,
  required,
  tooLong,
} from '../checks.ts';
import { checkTypedReference } from './ingress-validation.ts';

const longestController = 250;
const scopes = ['Cluster', 'Namespace'];

export function validateIngressClass(object: Readonly<UnknownObject>): Faults {
  const { controller = '', parameters } = (object as IngressClass).spec ?? {};
  const faults: Faults = [];
  if (Buffer.byteLength(controller) > longestController) faults.push(tooLong('spec.controller', longestController));
  checkDomainPath(faults, 'spec.controller', controller);
  if (parameters) checkParameters(faults, 'spec.parameters', parameters);
  return faults;
}

function checkParameters(faults: Faults, path: string, parameters: Readonly<IngressClassParametersReference>): void {
  checkTypedReference(faults, path, parameters);
  const { scope, namespace } = parameters;
  if (scope === undefined) faults.push(required(`${path}.scope`));
  else if (!scopes.includes(scope)) faults.push(notSupported(`${path}.scope`, scope, scopes));
  else if (scope === 'Cluster') {
    if (namespace !== undefined) faults.push(forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  } else if (namespace === undefined)
    faults.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
  else check(faults, `${path}.namespace`, namespace, isDns1123Label(namespace));
}

export function validateIngressClassUpdate(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkImmutable(
    faults,
    'spec.controller',
    (object as IngressClass).spec?.controller ?? '',
    (old as IngressClass).spec?.controller ?? '',
  );
  return [...faults, ...validateIngressClass(object)];
}
