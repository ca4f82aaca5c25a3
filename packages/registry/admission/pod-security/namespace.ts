import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { invalid } from '@nodeless/apimachinery/status';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { AdmissionAttributes, AdmissionReader } from '../admission.ts';
import { violationsOf } from './evaluate.ts';
import { compareLevels, nameOf, policyOf } from './policy.ts';

/** Upstream's default for namespaces with very many pods. */
const maxPods = 3000;

/** Labels of a namespace must make sense; who tightens them is told which of its pods would not be allowed any more. */
export async function checkNamespace(attributes: AdmissionAttributes, read: AdmissionReader): Promise<void> {
  const { object, oldObject, name } = attributes;
  const { policy, errors } = policyOf(object?.metadata?.labels);
  const old = oldObject && policyOf(oldObject.metadata?.labels);
  if (errors.length > 0 && (!old || old.errors.length === 0 || !deepEqual(errors, old.errors)))
    throw invalid({ group: '', kind: 'Namespace' }, name, errors);
  if (!old) return;
  const [now, before] = [policy.enforce, old.policy.enforce];
  if (
    now.level === 'privileged' ||
    nameOf(now) === nameOf(before) ||
    (now.version === before.version && compareLevels(now.level, before.level) < 1)
  )
    return;
  const pods = (await read.list('', 'pods', name)) as readonly Pod[];
  const found = new Map<string, string[]>();
  for (const pod of pods.slice(0, maxPods)) {
    const violations = violationsOf(now, pod);
    if (violations.length === 0) continue;
    const reasons = violations.map(({ reason }) => reason).join(', ');
    found.set(reasons, [...(found.get(reasons) ?? []), pod.metadata?.name ?? '']);
  }
  if (pods.length > maxPods)
    attributes.warn(
      `new PodSecurity enforce level only checked against the first ${maxPods} of ${pods.length} existing pods`,
    );
  if (found.size === 0) return;
  attributes.warn(
    `existing pods in namespace ${JSON.stringify(name)} violate the new PodSecurity enforce level ${JSON.stringify(nameOf(now))}`,
  );
  const lines = [...found].map(([reasons, names]) => {
    const [first = ''] = names.toSorted();
    const others =
      names.length === 1 ? '' : names.length === 2 ? ' (and 1 other pod)' : ` (and ${names.length - 1} other pods)`;
    return `${first}${others}: ${reasons}`;
  });
  for (const line of lines.toSorted()) attributes.warn(line);
}
