import type { MatchResources } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { defaultRules } from './webhook-defaults.ts';

export function defaultMatchResources(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}
