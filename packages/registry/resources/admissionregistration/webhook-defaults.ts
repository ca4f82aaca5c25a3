import type {
  MutatingWebhook,
  RuleWithOperations,
  ValidatingWebhook,
} from '@nodeless/apimachinery/generated/types/admissionregistration/v1';

export function defaultWebhook(webhook: ValidatingWebhook | MutatingWebhook): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  const service = webhook.clientConfig?.service;
  if (service) service.port ??= 443;
  defaultRules(webhook.rules);
}

export function defaultRules(rules: readonly Pick<RuleWithOperations, 'scope'>[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*';
}
