import type {
  MutatingWebhook,
  ValidatingWebhook,
} from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import { isDns1035Label, isDns1123Subdomain } from '@nodeless/apimachinery/names';
import {
  check,
  checkLabelSelector,
  duplicate,
  type Faults,
  hasInvalidSelectorValue,
  invalid,
  notSupported,
  required,
} from '../checks.ts';
import { checkWebhookService, checkWebhookUrl } from '../webhook-client.ts';
import { checkMatchConditions } from './match-conditions.ts';
import { checkRule, failurePolicies, matchPolicies } from './rule-validation.ts';

type Webhook = Readonly<ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>>;
type Webhooks = readonly Webhook[];

const known = ['v1', 'v1beta1'];
const harmless = ['None', 'NoneOnDryRun'];
const sideEffects = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];
export const reinvocationPolicies = ['IfNeeded', 'Never'];
const longestTimeout = 30;

/** What all new objects follow and old ones may be excused from, where they broke it before it was a rule. */
interface Rules {
  readonly harmlessOnly: boolean;
  readonly knownVersion: boolean;
  readonly uniqueNames: boolean;
  readonly anySelectorValue: boolean;
  readonly conditions: boolean;
}
const strict: Rules = {
  harmlessOnly: true,
  knownVersion: true,
  uniqueNames: true,
  anySelectorValue: false,
  conditions: true,
};

export function validateWebhooks(webhooks: Webhooks): Faults {
  return validateBy(webhooks, strict);
}

export function validateWebhooksUpdate(webhooks: Webhooks, old: Webhooks): Faults {
  const names = old.map(({ name }) => name);
  return validateBy(webhooks, {
    harmlessOnly: old.every((webhook) => harmless.includes(webhook.sideEffects)),
    knownVersion: old.every(
      ({ admissionReviewVersions: given = [] }) =>
        given.length === 0 || given.some((version) => known.includes(version)),
    ),
    uniqueNames: new Set(names).size === names.length,
    anySelectorValue: old.some(
      (webhook) =>
        hasInvalidSelectorValue(webhook.namespaceSelector) || hasInvalidSelectorValue(webhook.objectSelector),
    ),
    conditions:
      webhooks.length !== old.length ||
      webhooks.some((webhook, i) => !deepEqual(webhook.matchConditions, old[i]!.matchConditions)),
  });
}

function validateBy(webhooks: Webhooks, rules: Rules): Faults {
  const faults: Faults = [];
  const seen = new Set<string>();
  webhooks.forEach((webhook, i) => {
    const at = `webhooks[${i}]`;
    checkWebhook(faults, at, webhook, rules);
    checkReviewVersions(faults, `${at}.admissionReviewVersions`, webhook.admissionReviewVersions ?? [], rules);
    const name = webhook.name ?? '';
    if (rules.uniqueNames && name !== '' && seen.has(name)) faults.push(duplicate(`${at}.name`, name));
    seen.add(name);
  });
  return faults;
}

function checkWebhook(faults: Faults, at: string, webhook: Webhook, rules: Rules): void {
  checkFullName(faults, `${at}.name`, webhook.name ?? '');
  webhook.rules?.forEach((rule, i) => checkRule(faults, `${at}.rules[${i}]`, rule));
  const checkChoice = (
    field: 'failurePolicy' | 'matchPolicy' | 'reinvocationPolicy',
    choices: readonly string[],
  ): void => {
    const choice = webhook[field];
    if (choice !== undefined && !choices.includes(choice)) faults.push(notSupported(`${at}.${field}`, choice, choices));
  };
  checkChoice('failurePolicy', failurePolicies);
  checkChoice('matchPolicy', matchPolicies);
  const allowed = rules.harmlessOnly ? harmless : sideEffects;
  const effects = webhook.sideEffects as string | null | undefined;
  if (effects === undefined || effects === null)
    faults.push(required(`${at}.sideEffects`, `must specify one of ${allowed.join(', ')}`));
  else if (!allowed.includes(effects)) faults.push(notSupported(`${at}.sideEffects`, effects, allowed));
  const timeout = webhook.timeoutSeconds ?? 1;
  if (timeout > longestTimeout || timeout < 1) {
    faults.push(invalid(`${at}.timeoutSeconds`, timeout, 'the timeout value must be between 1 and 30 seconds'));
  }
  const selectorRules = { allowInvalidValues: rules.anySelectorValue };
  checkLabelSelector(faults, `${at}.namespaceSelector`, webhook.namespaceSelector, selectorRules);
  checkLabelSelector(faults, `${at}.objectSelector`, webhook.objectSelector, selectorRules);
  checkChoice('reinvocationPolicy', reinvocationPolicies);
  const { url, service } = webhook.clientConfig ?? {};
  if ((url === undefined) === !service)
    faults.push(required(`${at}.clientConfig`, 'exactly one of url or service is required'));
  else if (url !== undefined) checkWebhookUrl(faults, `${at}.clientConfig.url`, url);
  // The API server passes name and namespace in each other's place.
  else
    checkWebhookService(faults, `${at}.clientConfig.service`, {
      ...service,
      name: service!.namespace,
      namespace: service!.name,
    });
  if (rules.conditions) {
    checkMatchConditions(faults, `${at}.matchConditions`, webhook.matchConditions, {
      params: false,
      authorizer: true,
      result: 'bool',
    });
  }
}

function checkFullName(faults: Faults, path: string, name: string): void {
  const complaints = isDns1123Subdomain(name);
  if (name === '') faults.push(required(path));
  else if (complaints.length > 0) faults.push(invalid(path, name, complaints.join(',')));
  else if (name.split('.').length < 3)
    faults.push(invalid(path, name, 'should be a domain with at least three segments separated by dots'));
}

function checkReviewVersions(faults: Faults, path: string, versions: readonly string[], rules: Rules): void {
  if (versions.length === 0) {
    faults.push(required(path, `must specify one of ${known.join(', ')}`));
    return;
  }
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) faults.push(invalid(`${path}[${i}]`, version, 'duplicate version'));
    else check(faults, `${path}[${i}]`, version, isDns1035Label(version));
  });
  if (rules.knownVersion && !versions.some((version) => known.includes(version))) {
    faults.push(invalid(path, versions, `must include at least one of ${known.join(', ')}`));
  }
}
