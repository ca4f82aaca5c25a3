/** Admission of pods that run on Fargate: refuses what it cannot do, warns of what has no effect, adds what pods need there. */
import type {
  NodeSelectorTerm,
  Pod,
  PodTemplateSpec,
  Toleration,
} from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { invalid } from '@nodeless/apimachinery/status';
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts';
import { refuse } from '../refuse.ts';
import { agentMemoryMib, formatSize } from './fargate-size.ts';
import { explain, type Finding, findingsOf } from './findings.ts';
import { taskSizeOf } from './task-size.ts';

export const sizeAnnotation = 'nodeless.dev/fargate-size';
export const agentAnnotation = 'nodeless.dev/fargate-agent-memory';

/** Labels whose values have nodes with a taint of the same name and value. */
const tainted = ['kubernetes.io/arch', 'nodeless.dev/capacity-type'];

/** Where a workload keeps its pod template. */
const templates: Readonly<Record<string, readonly string[]>> = {
  replicationcontrollers: ['spec', 'template'],
  'replicasets.apps': ['spec', 'template'],
  'deployments.apps': ['spec', 'template'],
  'statefulsets.apps': ['spec', 'template'],
  'jobs.batch': ['spec', 'template'],
  'cronjobs.batch': ['spec', 'jobTemplate', 'spec', 'template'],
};

const keyOf = ({ resource }: AdmissionAttributes): string =>
  resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`;

export const fargatePods: AdmissionPlugin = {
  name: 'FargatePods',
  handles(attributes) {
    const { operation, subresource } = attributes;
    const key = keyOf(attributes);
    if (key === 'pods')
      return (
        (operation === 'CREATE' && subresource === '') ||
        (operation === 'UPDATE' && subresource === 'ephemeralcontainers')
      );
    if (subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return false;
    return key === 'daemonsets.apps' ? operation === 'CREATE' : Object.hasOwn(templates, key);
  },
  admit(attributes) {
    if (keyOf(attributes) !== 'pods' || attributes.subresource !== '') return;
    const pod = attributes.object as (UnknownObject & Pod) | undefined;
    if (!pod?.spec) return;
    const added = tolerationsFor(pod);
    if (added.length > 0) pod.spec.tolerations = [...(pod.spec.tolerations ?? []), ...added];
    const size = taskSizeOf(pod);
    if (!size) return;
    pod.metadata ??= {};
    pod.metadata.annotations = {
      ...pod.metadata.annotations,
      [sizeAnnotation]: formatSize(size),
      [agentAnnotation]: `${agentMemoryMib}Mi`,
    };
  },
  validate(attributes) {
    const key = keyOf(attributes);
    if (key === 'daemonsets.apps')
      throw refuse(
        attributes,
        'DaemonSets do not run on Fargate: its nodes are not machines, and each pod would be a task by itself; instead: a sidecar in the pods that need it (an init container with restartPolicy Always)',
      );
    if (key === 'pods') return checkPod(attributes);
    const template = (templates[key] ?? []).reduce<unknown>(
      (object, step) => (object as Record<string, unknown> | undefined)?.[step],
      attributes.object,
    ) as PodTemplateSpec | undefined;
    if (!template?.spec) return;
    const pod: Pod = { metadata: template.metadata, spec: template.spec };
    const at = `${(templates[key] ?? []).join('.')}.`;
    for (const { field, rule } of findingsOf(pod, 'refused'))
      attributes.warn(`${at}${field}: pods will be refused: ${explain(rule)}`);
  },
};

function checkPod(attributes: AdmissionAttributes): void {
  const pod = attributes.object as (UnknownObject & Pod) | undefined;
  if (!pod?.spec) return;
  const refused = findingsOf(pod, 'refused');
  if (refused.length > 0) {
    const { metadata } = pod;
    const name = attributes.name || metadata?.name || metadata?.generateName || '';
    throw invalid({ group: '', kind: 'Pod' }, name, refused.map(fieldError));
  }
  if (attributes.subresource !== '') return;
  // Fields that the API fills in by itself are nobody's wish.
  for (const { field, rule } of findingsOf(pod, 'ignored'))
    if (!field.endsWith('.terminationMessagePath'))
      attributes.warn(`${field}: no effect on Fargate: ${rule.reason ?? ''}`);
}

const fieldError = ({ field, rule }: Finding) => ({
  type: 'FieldValueForbidden' as const,
  field,
  message: `Forbidden: ${explain(rule)}`,
});

/** A pod that asks for an architecture or for Spot by a label tolerates the taint of those nodes (as on GKE). */
export function tolerationsFor(pod: Pod): Toleration[] {
  const added: Toleration[] = [];
  for (const key of tainted) {
    for (const value of wanted(pod, key)) {
      const known = (pod.spec?.tolerations ?? []).some(
        (t) =>
          (!t.effect || t.effect === 'NoSchedule') &&
          ((t.operator === 'Exists' && (!t.key || t.key === key)) || (t.key === key && t.value === value)),
      );
      if (!known) added.push({ key, operator: 'Equal', value, effect: 'NoSchedule' });
    }
  }
  return added;
}

function wanted(pod: Pod, label: string): Set<string> {
  const { nodeSelector, affinity } = pod.spec ?? {};
  const values = new Set<string>();
  const selected = nodeSelector && Object.hasOwn(nodeSelector, label) ? nodeSelector[label] : undefined;
  if (selected) values.add(selected);
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const { matchExpressions = [] } of terms as readonly NodeSelectorTerm[])
    for (const { key, operator, values: named = [] } of matchExpressions)
      if (key === label && operator === 'In') for (const value of named) values.add(value);
  return values;
}
