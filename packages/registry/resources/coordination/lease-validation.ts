import type { Lease } from '@nodeless/apimachinery/generated/types/coordination/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkQualifiedName, type Faults, forbidden, invalid, notSupported } from '../checks.ts';

const strategies = ['OldestEmulationVersion'];

export function validateLease(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const {
    leaseDurationSeconds: duration,
    leaseTransitions: transitions,
    strategy,
    preferredHolder,
  } = (object as Lease).spec ?? {};
  if (duration !== undefined && duration <= 0)
    faults.push(invalid('spec.leaseDurationSeconds', duration, 'must be greater than 0'));
  if (transitions !== undefined && transitions < 0)
    faults.push(invalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0'));
  if (strategy !== undefined) {
    // The field's name twice: so upstream says it.
    const at = 'spec.strategy.strategy';
    if (strategy.includes('/')) checkQualifiedName(faults, at, strategy);
    else if (!strategies.includes(strategy)) faults.push(notSupported(at, strategy, strategies));
  }
  if (preferredHolder && !strategy)
    faults.push(forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined'));
  return faults;
}
