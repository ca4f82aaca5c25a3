import type { Toleration } from '@nodeless/apimachinery/generated/types/core/v1';
import type { RuntimeClass } from '@nodeless/apimachinery/generated/types/node/v1';
import { nameIsDnsLabel } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { check, checkImmutable, checkLabels, duplicate, type Faults, required } from '../checks.ts';
import { warnOfNodeLabel } from '../core/pod-template/node-label-warnings.ts';
import { checkTolerations } from '../core/pod-template/pod-spec-validation.ts';
import { checkContainerResources } from '../core/pod-template/resource-validation.ts';
import { internalValue } from '../internal-value.ts';

export function validateRuntimeClass(object: Readonly<UnknownObject>): Faults {
  const { handler, overhead, scheduling } = object as unknown as RuntimeClass;
  const faults: Faults = [];
  if (!handler) faults.push(required('handler'));
  else check(faults, 'handler', handler, nameIsDnsLabel(handler, false));
  if (overhead) {
    const limits = overhead.podFixed;
    checkContainerResources(faults, 'overhead', limits ? { limits } : {}, {});
  }
  if (!scheduling) return faults;
  checkLabels(faults, 'scheduling.nodeSelector', scheduling.nodeSelector);
  checkTolerations(faults, 'scheduling.tolerations', scheduling.tolerations ?? []);
  const seen = new Set<string>();
  scheduling.tolerations?.forEach((toleration: Readonly<Toleration>, i) => {
    const key = JSON.stringify([
      toleration.key ?? '',
      toleration.operator ?? '',
      toleration.value ?? '',
      toleration.effect ?? '',
    ]);
    if (seen.has(key)) faults.push(duplicate(`scheduling.tolerations[${i}]`, internalValue('Toleration', toleration)));
    seen.add(key);
  });
  return faults;
}

export function validateRuntimeClassUpdate(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  const faults = validateRuntimeClass(object);
  const { handler } = object as unknown as RuntimeClass;
  checkImmutable(faults, 'handler', handler, (old as unknown as RuntimeClass).handler);
  return faults;
}

export function runtimeClassWarnings(object: Readonly<UnknownObject>): string[] {
  const warnings: string[] = [];
  const selector = (object as unknown as RuntimeClass).scheduling?.nodeSelector ?? {};
  for (const key in selector) warnOfNodeLabel(warnings, key, (message) => `scheduling.nodeSelector: ${message}`);
  return warnings;
}
