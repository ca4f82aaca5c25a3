import type { PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { PriorityClass } from '@nodeless/apimachinery/generated/types/scheduling/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionReader } from './admission.ts';
import { refuse } from './refuse.ts';

const group = 'scheduling.k8s.io';
const defaultPriority = 0;
const defaultPolicy = 'PreemptLowerPriority';

/** Pods get the number that their PriorityClass stands for; only one class is the default. */
export const priority: AdmissionPlugin = {
  name: 'Priority',
  handles: ({ resource, subresource, operation }) =>
    subresource === '' &&
    (operation === 'CREATE' || operation === 'UPDATE') &&
    ((resource.group === '' && resource.resource === 'pods') ||
      (resource.group === group && resource.resource === 'priorityclasses')),
  async admit(attributes, read) {
    if (attributes.resource.resource !== 'pods') return;
    const spec = attributes.object?.['spec'] as PodSpec | undefined;
    if (!spec) return;
    if (attributes.operation === 'UPDATE') {
      const old = attributes.oldObject?.['spec'] as PodSpec | undefined;
      // An old client sends back a pod without fields it does not know.
      spec.priority ??= old?.priority;
      spec.preemptionPolicy ??= old?.preemptionPolicy;
      return;
    }
    await resolve(spec, attributes, read);
  },
  async validate(attributes, read) {
    const { resource, object } = attributes;
    if (resource.resource !== 'priorityclasses' || object?.['globalDefault'] !== true) return;
    const others = await read.list(group, 'priorityclasses');
    const other = others.find((one) => one['globalDefault'] === true && one.metadata?.name !== object.metadata?.name);
    if (other)
      throw refuse(
        attributes,
        `PriorityClass ${other.metadata?.name} is already marked as default. Only one default can exist`,
      );
  },
};

async function resolve(spec: PodSpec, attributes: AdmissionAttributes, read: AdmissionReader): Promise<void> {
  let chosen: Readonly<PriorityClass> | undefined;
  if (spec.priorityClassName) {
    chosen = (await read.get(group, 'priorityclasses', '', spec.priorityClassName)) as
      | Readonly<UnknownObject & PriorityClass>
      | undefined;
    if (!chosen) throw refuse(attributes, `no PriorityClass with name ${spec.priorityClassName} was found`);
  } else {
    const all = (await read.list(group, 'priorityclasses')) as readonly Readonly<UnknownObject & PriorityClass>[];
    chosen = all.filter((one) => one.globalDefault).toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
    if (chosen) spec.priorityClassName = chosen.metadata?.name;
  }
  const value = chosen?.value ?? defaultPriority;
  const policy = chosen?.preemptionPolicy ?? defaultPolicy;
  if (spec.priority !== undefined && spec.priority !== value) {
    throw refuse(
      attributes,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    throw refuse(
      attributes,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  }
  spec.priority = value;
  spec.preemptionPolicy = policy;
}
