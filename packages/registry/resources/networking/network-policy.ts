import { formatLabelSelector } from '@nodeless/apimachinery/labels';
import type { NetworkPolicy, NetworkPolicyPort } from '@nodeless/apimachinery/generated/types/networking/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import {
  networkPolicyWarnings,
  validateNetworkPolicy,
  validateNetworkPolicyUpdate,
} from './network-policy-validation.ts';
import { tableOf } from '../table-of.ts';

export const networkPolicy: KindDefinition = {
  group: 'networking.k8s.io',
  resource: 'networkpolicies',
  table: tableOf<NetworkPolicy>('networking.k8s.io/networkpolicies', ({ spec }, { name, age }) => [
    name,
    formatLabelSelector(spec?.podSelector),
    age,
  ]),
  strategy: {
    generation: true,
    default: defaultPolicy,
    validate: validateNetworkPolicy,
    validateUpdate: validateNetworkPolicyUpdate,
    warnings: networkPolicyWarnings,
  },
};

function defaultPolicy(object: UnknownObject): void {
  const policy = object as NetworkPolicy;
  const spec = (policy.spec ??= {} as NonNullable<NetworkPolicy['spec']>);
  spec.podSelector ??= {};
  if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
  for (const rule of spec.ingress ?? []) defaultPorts(rule.ports);
  for (const rule of spec.egress ?? []) defaultPorts(rule.ports);
}

function defaultPorts(ports: readonly NetworkPolicyPort[] | undefined): void {
  for (const port of ports ?? []) port.protocol ??= 'TCP';
}
