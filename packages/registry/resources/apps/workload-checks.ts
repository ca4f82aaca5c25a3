import type { PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { LabelSelector } from '@nodeless/apimachinery/generated/types/meta/v1';
import { checkLabelSelector, type Faults, invalid, required } from '../checks.ts';
import { shownSelector } from '../internal-value.ts';
import type { PodOptions } from '../core/pod-template/options.ts';
import { checkEndless, checkSelected, checkTemplate, selects } from '../core/pod-template/owned-template.ts';

export const isEmptySelector = (selector: Readonly<LabelSelector>): boolean =>
  Object.keys(selector.matchLabels ?? {}).length === 0 && !selector.matchExpressions?.length;

/** `kind` as the message names it, which for replica sets is not their own name. */
export function checkWorkloadSelector(
  faults: Faults,
  selector: Readonly<LabelSelector> | undefined,
  kind: string,
): void {
  if (!selector) {
    faults.push(required('spec.selector'));
    return;
  }
  checkLabelSelector(faults, 'spec.selector', selector);
  if (isEmptySelector(selector))
    faults.push(invalid('spec.selector', shownSelector(selector), `empty selector is invalid for ${kind}`));
}

/** Of deployments and replica sets alike. */
export function checkReplicatedTemplate(
  faults: Faults,
  spec: { readonly selector?: LabelSelector; readonly template?: PodTemplateSpec },
  options: PodOptions,
): void {
  const { selector, template } = spec;
  const isSelected = selects(selector, template?.metadata?.labels);
  if (isSelected === undefined) {
    faults.push(invalid('spec.selector', shownSelector(selector), 'invalid label selector'));
    return;
  }
  checkSelected(faults, 'spec.template', isSelected, template);
  checkTemplate(faults, 'spec.template', template, options);
  checkEndless(faults, 'spec.template', template, 'ReplicaSet');
}
