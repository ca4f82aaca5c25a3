import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { nodeNameOf } from '../authorization/node-authorizer.ts';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionReader } from './admission.ts';
import { refuse } from './refuse.ts';

const nodeLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/instance-type',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
]);

/** A kubelet's identity may write only its own node, the pods bound to it, their tokens, and its own lease. */
export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  onlyRefuses: true,
  handles: ({ user }) => user.groups.includes('system:nodes'),
  async admit(attributes, read) {
    const node = nodeNameOf(attributes.user);
    if (node === undefined)
      throw refuse(attributes, `could not determine node from user ${JSON.stringify(attributes.user.name)}`);
    const { group, resource } = attributes.resource;
    if (group === '' && resource === 'pods') await checkPod(attributes, node, read);
    else if (group === '' && resource === 'nodes') checkNode(attributes, node);
    else if (group === '' && resource === 'serviceaccounts' && attributes.subresource === 'token')
      await checkToken(attributes, node, read);
    else if (group === 'coordination.k8s.io' && resource === 'leases') checkLease(attributes, node);
    else if (group === 'storage.k8s.io' && resource === 'csinodes') checkCsiNode(attributes, node);
  },
};

async function checkPod(attributes: AdmissionAttributes, node: string, read: AdmissionReader): Promise<void> {
  const { operation, subresource, namespace, name } = attributes;
  const pod = attributes.object as (UnknownObject & Pod) | undefined;
  if (subresource === '') {
    if (operation === 'CREATE') {
      if (pod?.metadata?.annotations?.['kubernetes.io/config.mirror'] === undefined)
        throw refuse(
          attributes,
          `pod does not have "kubernetes.io/config.mirror" annotation, node ${JSON.stringify(node)} can only create mirror pods`,
        );
      if (pod.spec?.nodeName !== node)
        throw refuse(attributes, `node ${JSON.stringify(node)} can only create pods with spec.nodeName set to itself`);
      return;
    }
    if (operation === 'DELETE') {
      const existing = (attributes.oldObject ?? (await read.get('', 'pods', namespace, name))) as Pod | undefined;
      if (existing && existing.spec?.nodeName !== node)
        throw refuse(attributes, `node ${JSON.stringify(node)} can only delete pods with spec.nodeName set to itself`);
      return;
    }
    throw refuse(
      attributes,
      `unexpected operation ${JSON.stringify(operation)}, node ${JSON.stringify(node)} can only create and delete mirror pods`,
    );
  }
  if (subresource === 'status') {
    const old = attributes.oldObject as Pod | undefined;
    if (old?.spec?.nodeName !== node)
      throw refuse(
        attributes,
        `node ${JSON.stringify(node)} can only update pod status for pods with spec.nodeName set to itself`,
      );
    if (!deepEqual(old.metadata?.labels, pod?.metadata?.labels))
      throw refuse(attributes, `node ${JSON.stringify(node)} cannot update labels through pod status`);
    return;
  }
  if (subresource === 'eviction') {
    const existing = (await read.get('', 'pods', namespace, name)) as Pod | undefined;
    if (existing?.spec?.nodeName !== node)
      throw refuse(attributes, `node ${node} can only evict pods with spec.nodeName set to itself`);
    return;
  }
  throw refuse(
    attributes,
    `unexpected pod subresource ${JSON.stringify(subresource)}, only 'status' and 'eviction' are allowed`,
  );
}

function checkNode(attributes: AdmissionAttributes, node: string): void {
  const { operation, subresource } = attributes;
  const fresh = attributes.object as (UnknownObject & Node) | undefined;
  const old = attributes.oldObject as Node | undefined;
  const name = attributes.name || fresh?.metadata?.name;
  if (name !== node)
    throw refuse(
      attributes,
      `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name ?? '')}`,
    );
  if (operation === 'CREATE' && fresh?.spec?.configSource)
    throw refuse(attributes, 'node configSource is deprecated and its usage is no longer supported');
  if (operation !== 'UPDATE') return;
  if (subresource === '' && !deepEqual(old?.spec?.taints ?? [], fresh?.spec?.taints ?? []))
    throw refuse(attributes, `node ${JSON.stringify(node)} is not allowed to modify taints`);
  if (!deepEqual(old?.metadata?.ownerReferences ?? [], fresh?.metadata?.ownerReferences ?? []))
    throw refuse(attributes, `node ${JSON.stringify(node)} is not allowed to modify ownerReferences`);
  const changed = changedLabels(old?.metadata?.labels, fresh?.metadata?.labels).filter((label) => !mayLabel(label));
  if (changed.length > 0) throw refuse(attributes, `is not allowed to modify labels: ${changed.join(', ')}`);
}

function changedLabels(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => a[key] !== b[key]).toSorted();
}

function mayLabel(label: string): boolean {
  const domain = label.includes('/') ? (label.split('/')[0] as string) : '';
  if (
    domain === 'kubelet.kubernetes.io' ||
    domain.endsWith('.kubelet.kubernetes.io') ||
    domain === 'node.kubernetes.io' ||
    domain.endsWith('.node.kubernetes.io')
  )
    return true;
  if (nodeLabels.has(label)) return true;
  if (domain === 'node-restriction.kubernetes.io' || domain.endsWith('.node-restriction.kubernetes.io')) return false;
  return !(
    domain === 'kubernetes.io' ||
    domain.endsWith('.kubernetes.io') ||
    domain === 'k8s.io' ||
    domain.endsWith('.k8s.io')
  );
}

async function checkToken(attributes: AdmissionAttributes, node: string, read: AdmissionReader): Promise<void> {
  const reference = (
    attributes.object?.['spec'] as
      | { boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string } }
      | undefined
  )?.boundObjectRef;
  if (reference?.kind !== 'Pod' || reference.apiVersion !== 'v1' || !reference.name)
    throw refuse(attributes, 'node requested token not bound to a pod');
  if (!reference.uid) throw refuse(attributes, `node requested token with a pod binding without a uid`);
  const pod = (await read.get('', 'pods', attributes.namespace, reference.name)) as Pod | undefined;
  if (!pod) throw refuse(attributes, `pod ${JSON.stringify(reference.name)} not found`);
  if (pod.metadata?.uid !== reference.uid)
    throw refuse(
      attributes,
      `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (pod.spec?.nodeName !== node)
    throw refuse(attributes, `node requested token bound to a pod scheduled on a different node`);
}

function checkLease(attributes: AdmissionAttributes, node: string): void {
  const { namespace, operation, object, name } = attributes;
  if (namespace !== 'kube-node-lease')
    throw refuse(attributes, `can only access leases in the "kube-node-lease" system namespace`);
  const leaseName = operation === 'CREATE' ? object?.metadata?.name : name;
  if (leaseName !== node)
    throw refuse(attributes, `can only access node lease with the same name as the requesting node`);
}

function checkCsiNode(attributes: AdmissionAttributes, node: string): void {
  const name = attributes.operation === 'CREATE' ? attributes.object?.metadata?.name : attributes.name;
  if (name !== node) throw refuse(attributes, `can only access CSINode with the same name as the requesting node`);
}
