import type { PriorityClass } from '@nodeless/apimachinery/generated/types/scheduling/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkImmutable, type Faults, forbidden, notSupported, required } from '../checks.ts';

const highestOfUsers = 1_000_000_000;
const systemPrefix = 'system-';
const systemValues = new Map([
  ['system-node-critical', 2 * highestOfUsers + 1000],
  ['system-cluster-critical', 2 * highestOfUsers],
]);
const policies = ['PreemptLowerPriority', 'Never'];

export function validatePriorityClass(object: Readonly<UnknownObject>): Faults {
  const { value = 0, preemptionPolicy: policy } = object as unknown as PriorityClass;
  const faults: Faults = [];
  if (object.metadata?.name?.startsWith(systemPrefix)) {
    const fault = systemFault(object as unknown as PriorityClass);
    if (fault)
      faults.push(
        forbidden(
          'metadata.name',
          `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${fault}`,
        ),
      );
  } else if (value > highestOfUsers)
    faults.push(forbidden('value', `maximum allowed value of a user defined priority is ${highestOfUsers}`));
  if (policy === '') faults.push(required('preemptionPolicy'));
  else if (policy !== undefined && !policies.includes(policy))
    faults.push(notSupported('preemptionPolicy', policy, policies));
  return faults;
}

function systemFault({ metadata, value, globalDefault }: Readonly<PriorityClass>): string | undefined {
  const name = metadata?.name ?? '';
  const expected = systemValues.get(name);
  if (expected === undefined) return `${name} is not a known system priority class`;
  if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export function validatePriorityClassUpdate(
  object: Readonly<UnknownObject>,
  oldObject: Readonly<UnknownObject>,
): Faults {
  const now = object as unknown as PriorityClass;
  const old = oldObject as unknown as PriorityClass;
  const faults: Faults = [];
  if ((now.value ?? 0) !== (old.value ?? 0)) faults.push(forbidden('value', 'may not be changed in an update.'));
  checkImmutable(faults, 'preemptionPolicy', now.preemptionPolicy, old.preemptionPolicy);
  return faults;
}
