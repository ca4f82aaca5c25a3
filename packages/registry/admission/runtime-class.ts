import type { Pod, PodSpec, Toleration } from '@nodeless/apimachinery/generated/types/core/v1';
import type { RuntimeClass } from '@nodeless/apimachinery/generated/types/node/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionReader } from './admission.ts';
import { refuse } from './refuse.ts';

/** A pod that names a RuntimeClass gets what running under it costs, and goes where it can run. */
export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  handles: ({ resource, subresource, operation }) =>
    resource.group === '' && resource.resource === 'pods' && subresource === '' && operation === 'CREATE',
  async admit(attributes, read) {
    const spec = (attributes.object as (UnknownObject & Pod) | undefined)?.spec;
    if (!spec?.runtimeClassName) return;
    const found = await find(attributes, spec.runtimeClassName, read);
    checkOverhead(attributes, spec, found);
    if (found.overhead?.podFixed) spec.overhead = { ...found.overhead.podFixed };
    if (found.scheduling) applyScheduling(attributes, spec, found.scheduling);
  },
  async validate(attributes, read) {
    const spec = (attributes.object as (UnknownObject & Pod) | undefined)?.spec;
    if (!spec) return;
    checkOverhead(
      attributes,
      spec,
      spec.runtimeClassName ? await find(attributes, spec.runtimeClassName, read) : undefined,
    );
  },
};

async function find(
  attributes: AdmissionAttributes,
  name: string,
  read: AdmissionReader,
): Promise<Readonly<RuntimeClass>> {
  const found = await read.get('node.k8s.io', 'runtimeclasses', '', name);
  if (!found) throw refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  return found as unknown as Readonly<RuntimeClass>;
}

function checkOverhead(
  attributes: AdmissionAttributes,
  spec: PodSpec,
  found: Readonly<RuntimeClass> | undefined,
): void {
  if (spec.overhead === undefined) return;
  const fixed = found?.overhead?.podFixed;
  if (!found?.overhead)
    throw refuse(attributes, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
  if (!semanticEqual(fixed, spec.overhead))
    throw refuse(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
}

function applyScheduling(
  attributes: AdmissionAttributes,
  spec: PodSpec,
  { nodeSelector, tolerations }: NonNullable<RuntimeClass['scheduling']>,
): void {
  for (const [key, value] of Object.entries(nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value)
      throw refuse(
        attributes,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
  }
  if (nodeSelector) spec.nodeSelector = { ...spec.nodeSelector, ...nodeSelector };
  const own = spec.tolerations ?? [];
  const added = (tolerations ?? []).filter(
    (toleration: Toleration) => !own.some((one) => semanticEqual(one, toleration)),
  );
  if (added.length > 0) spec.tolerations = [...own, ...added.map((toleration) => ({ ...toleration }))];
}
