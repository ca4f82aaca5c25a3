import type { Service, ServicePort } from '@nodeless/apimachinery/generated/types/core/v1';
import { formatLabels } from '@nodeless/apimachinery/labels';
import { balancerAddresses } from '../balancer-addresses.ts';
import type { Row } from '../table-of.ts';

export function serviceCells(service: Readonly<Service>, { name, age }: Row): unknown[] {
  const { spec } = service;
  const ports = (spec?.ports ?? []).map(portText).join(',');
  return [
    name,
    spec?.type ?? '',
    spec?.clusterIPs?.[0] ?? '<none>',
    externalAddress(service),
    ports || '<none>',
    age,
    formatLabels(spec?.selector),
  ];
}

function portText({ port, nodePort, protocol }: Readonly<ServicePort>): string {
  return `${port}${nodePort ? `:${nodePort}` : ''}/${protocol ?? ''}`;
}

function externalAddress({ spec, status }: Readonly<Service>): string {
  const external = spec?.externalIPs?.join(',') ?? '';
  switch (spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external || '<none>';
    case 'LoadBalancer': {
      const balancer = balancerAddresses(status?.loadBalancer?.ingress);
      return [balancer, external].filter(Boolean).join(',') || '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}
