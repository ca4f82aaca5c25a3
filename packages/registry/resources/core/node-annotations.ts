import type { Taint } from '@nodeless/apimachinery/generated/types/core/v1';
import { JsonSyntaxError, parseJson } from '@nodeless/apimachinery/json';
import { type Faults, invalid, required } from '../checks.ts';
import { checkTaints } from './taint-validation.ts';

const taints = 'scheduler.alpha.kubernetes.io/taints';
const avoidPods = 'scheduler.alpha.kubernetes.io/preferAvoidPods';
const path = 'metadata.annotations';

/** What once stood in annotations is still checked there. */
export function checkNodeAnnotations(faults: Faults, annotations: Readonly<Record<string, string>> | undefined): void {
  const listed = annotations?.[taints];
  if (listed) {
    const { value, fault } = read(listed);
    if (fault) faults.push(invalid(path, taints, fault));
    else if (Array.isArray(value))
      checkTaints(
        faults,
        `${path}.${taints}`,
        value.map((one) => (isObject(one) ? (one as unknown as Taint) : { key: '', effect: '' })),
      );
  }
  const avoided = annotations?.[avoidPods];
  if (!avoided) return;
  const { value, fault } = read(avoided);
  if (fault) faults.push(invalid(`${path}.AvoidPods`, avoidPods, fault));
  const entries = isObject(value) && Array.isArray(value.preferAvoidPods) ? value.preferAvoidPods : [];
  entries.forEach((entry: unknown, i) => {
    const signature = isObject(entry) && isObject(entry.podSignature) ? entry.podSignature : {};
    const at = `${path}.${avoidPods}[${i}].PodSignature`;
    const owner = signature.podController;
    if (!isObject(owner)) faults.push(required(at));
    else if (owner.controller !== true)
      faults.push(invalid(`${at}.PodController.Controller`, false, 'must point to a controller'));
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function read(json: string): { readonly value?: unknown; readonly fault?: string } {
  try {
    return { value: parseJson(json).value };
  } catch (error) {
    if (error instanceof JsonSyntaxError) return { fault: error.message };
    throw error;
  }
}
