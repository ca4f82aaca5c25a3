import type {
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '@nodeless/apimachinery/generated/types/flowcontrol/v1';
import { type Faults, forbidden, invalid, notSupported, required, sameValue } from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import { fixedLevels } from './fixed-specs.ts';
import { checkTypes } from './flow-schema-validation.ts';

const zeroShares = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';
const mostQueues = 10_000_000;
/** Of the hash that a hand of queues is dealt from. */
const hashBits = 60;

export function validatePriorityLevel({ metadata, spec, status }: Readonly<PriorityLevelConfiguration>): Faults {
  const faults: Faults = [];
  const name = metadata?.name ?? '';
  if (metadata?.annotations?.[zeroShares] !== undefined) {
    faults.push(forbidden('metadata.annotations', `annotation '${zeroShares}' is forbidden`));
  }
  const given = spec ?? ({} as Partial<PriorityLevelConfigurationSpec>);
  checkSpec(faults, given, name);
  checkFixed(faults, given, name);
  checkTypes(faults, status?.conditions);
  return faults;
}

function checkFixed(faults: Faults, spec: Partial<PriorityLevelConfigurationSpec>, name: string): void {
  const fixed = fixedLevels.get(name);
  if (!fixed) return;
  const isExempt = name === 'exempt';
  if (sameValue(isExempt ? { ...spec, exempt: fixed.exempt } : spec, fixed)) return;
  const rule = isExempt ? " except the 'spec.exempt' field must equal the fixed value" : ' must equal the fixed value';
  faults.push(invalid('spec', internalValue('PriorityLevelConfigurationSpec', spec), `spec of '${name}'${rule}`));
}

function checkSpec(faults: Faults, spec: Partial<PriorityLevelConfigurationSpec>, name: string): void {
  const { type = '', limited, exempt } = spec;
  if ((name === 'exempt') !== (type === 'Exempt'))
    faults.push(invalid('spec.type', type, "must be 'Exempt' if and only if `name` is 'exempt'"));
  if (type === 'Exempt') {
    if (limited) faults.push(forbidden('spec.limited', 'must be nil if the type is not Limited'));
    if (exempt) checkShares(faults, 'spec.exempt', exempt);
  } else if (type === 'Limited') {
    if (exempt) faults.push(forbidden('spec.exempt', 'must be nil if the type is Limited'));
    if (limited) checkLimited(faults, limited);
    else faults.push(required('spec.limited', 'must not be empty when type is Limited'));
  } else if (type === '') faults.push(required('spec.type'));
  else faults.push(notSupported('spec.type', type, ['Exempt', 'Limited']));
}

interface Shares {
  readonly nominalConcurrencyShares?: number;
  readonly lendablePercent?: number;
}

function checkNominal(faults: Faults, at: string, { nominalConcurrencyShares: shares = 0 }: Shares): void {
  if (shares < 0) faults.push(invalid(`${at}.nominalConcurrencyShares`, shares, 'must be a non-negative integer'));
}
function checkLendable(faults: Faults, at: string, { lendablePercent: percent = 0 }: Shares): void {
  if (percent < 0 || percent > 100)
    faults.push(invalid(`${at}.lendablePercent`, percent, 'must be between 0 and 100, inclusive'));
}
function checkShares(faults: Faults, at: string, shares: Shares): void {
  checkNominal(faults, at, shares);
  checkLendable(faults, at, shares);
}

function checkLimited(faults: Faults, limited: Readonly<LimitedPriorityLevelConfiguration>): void {
  const at = 'spec.limited';
  checkNominal(faults, at, limited);
  checkResponse(faults, `${at}.limitResponse`, limited.limitResponse ?? ({} as LimitResponse));
  checkLendable(faults, at, limited);
  const borrowing = limited.borrowingLimitPercent ?? 0;
  if (borrowing < 0)
    faults.push(invalid(`${at}.borrowingLimitPercent`, borrowing, 'if specified, must be a non-negative integer'));
}

function checkResponse(faults: Faults, at: string, { type = '', queuing }: Readonly<LimitResponse>): void {
  if (type === 'Reject') {
    if (queuing) faults.push(forbidden(`${at}.queuing`, 'must be nil if limited.limitResponse.type is not Limited'));
  } else if (type === 'Queue') {
    if (queuing) checkQueuing(faults, `${at}.queuing`, queuing);
    else faults.push(required(`${at}.queuing`, 'must not be empty if limited.limitResponse.type is Limited'));
  } else if (type === '') faults.push(required(`${at}.type`));
  else faults.push(notSupported(`${at}.type`, type, ['Queue', 'Reject']));
}

function checkQueuing(
  faults: Faults,
  at: string,
  { queueLengthLimit = 0, queues = 0, handSize = 0 }: Readonly<QueuingConfiguration>,
): void {
  if (queueLengthLimit <= 0) faults.push(invalid(`${at}.queueLengthLimit`, queueLengthLimit, 'must be positive'));
  if (queues <= 0) faults.push(invalid(`${at}.queues`, queues, 'must be positive'));
  else if (queues > mostQueues) faults.push(invalid(`${at}.queues`, queues, `must not be greater than ${mostQueues}`));
  const path = `${at}.handSize`;
  if (handSize <= 0) faults.push(invalid(path, handSize, 'must be positive'));
  else if (handSize > queues) faults.push(invalid(path, handSize, `should not be greater than queues (${queues})`));
  else if (Math.ceil(Math.log2(queues) * handSize) > hashBits) {
    const rule = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${hashBits}`;
    faults.push(invalid(path, handSize, rule));
  }
}
