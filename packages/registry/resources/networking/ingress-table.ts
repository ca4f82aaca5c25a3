import type { Ingress, IngressClass } from '@nodeless/apimachinery/generated/types/networking/v1';
import { balancerAddresses } from '../balancer-addresses.ts';
import type { Row } from '../table-of.ts';

const defaultClass = 'ingressclass.kubernetes.io/is-default-class';
const shownHosts = 3;

export function ingressCells({ spec, status }: Readonly<Ingress>, { name, age }: Row): unknown[] {
  const address = balancerAddresses(status?.loadBalancer?.ingress);
  return [
    name,
    spec?.ingressClassName ?? '<none>',
    hostsOf(spec?.rules ?? []),
    address,
    spec?.tls?.length ? '80, 443' : '80',
    age,
  ];
}

/** Upstream counts what it leaves out by rules, also where rules without a host came before. */
function hostsOf(rules: readonly { host?: string }[]): string {
  const hosts: string[] = [];
  for (const { host } of rules) {
    if (hosts.length === shownHosts) return `${hosts.join(',')} + ${rules.length - shownHosts} more...`;
    if (host) hosts.push(host);
  }
  return hosts.join(',') || '*';
}

export function ingressClassCells({ metadata, spec }: Readonly<IngressClass>, { name, age }: Row): unknown[] {
  const isDefault = metadata?.annotations?.[defaultClass] === 'true';
  const parameters = spec?.parameters;
  const group = parameters?.apiGroup === undefined ? '' : `.${parameters.apiGroup}`;
  return [
    isDefault ? `${name} (default)` : name,
    spec?.controller ?? '',
    parameters ? `${parameters.kind}${group}/${parameters.name}` : '<none>',
    age,
  ];
}
