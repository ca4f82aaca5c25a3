/** Pod templates of the kinds that make pods of them. */
import type { PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { LabelSelector } from '@nodeless/apimachinery/generated/types/meta/v1';
import { type Labels, matchesSelector, type Selector, SelectorError, selectorOf } from '@nodeless/apimachinery/labels';
import { isDns1123Label } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type Faults, forbidden, invalid, notSupported } from '../../checks.ts';
import { shownMap } from '../../internal-value.ts';
import { dropDisabledPodFields } from './disabled-fields.ts';
import { type PodOptions, podOptions } from './options.ts';
import { checkPodTemplate } from './template-validation.ts';
import { podWarnings } from './warnings.ts';

type Template = Readonly<PodTemplateSpec> | undefined;
const none: Readonly<PodTemplateSpec> = { spec: { containers: [] } };

/** What an update may keep of the stored template. */
export function templateOptions(old?: Template): PodOptions {
  return podOptions(false, old?.spec, old?.metadata);
}

export function dropTemplateFields(template: PodTemplateSpec | undefined, old?: Template): void {
  dropDisabledPodFields(template?.spec, old?.spec);
}

/** Whether a selector matches a template; undefined where the selector is broken, whose faults are reported elsewhere. */
export function selects(
  selector: Readonly<LabelSelector> | undefined,
  labels: Labels | undefined,
): boolean | undefined {
  let parsed: Selector | undefined;
  try {
    parsed = selectorOf(selector);
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
  return matchesSelector(parsed, labels);
}

export function checkSelected(faults: Faults, path: string, isSelected: boolean, template: Template): void {
  if (!isSelected)
    faults.push(
      invalid(
        `${path}.metadata.labels`,
        shownMap(template?.metadata?.labels),
        '`selector` does not match template `labels`',
      ),
    );
}

export function checkTemplate(faults: Faults, path: string, template: Template, options: PodOptions): void {
  checkPodTemplate(faults, path, template ?? none, options);
}

/** Pods that are replaced when they end run until they are told to stop. `owner`: as the message names it. */
export function checkEndless(faults: Faults, path: string, template: Template, owner: string): void {
  const spec = template?.spec;
  if (spec?.restartPolicy !== 'Always')
    faults.push(notSupported(`${path}.spec.restartPolicy`, spec?.restartPolicy ?? '', ['Always']));
  if (spec?.activeDeadlineSeconds !== undefined) {
    faults.push(forbidden(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${owner} is not Supported`));
  }
}

/** Names that end up in host names should be fit for that. */
export function nameWarnings(object: Readonly<UnknownObject>, advice = 'a DNS label is recommended'): string[] {
  const complaints = isDns1123Label(object.metadata?.name ?? '');
  if (complaints.length === 0) return [];
  return [
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; ${advice}: [${complaints.join(' ')}]`,
  ];
}

export function templateWarnings(path: string, template: Template): string[] {
  return template?.spec ? podWarnings(path, template.spec, template.metadata) : [];
}

export function isNewGeneration(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): boolean {
  return object.metadata?.generation !== old.metadata?.generation;
}
