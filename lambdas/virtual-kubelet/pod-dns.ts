import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { ResolvedPod } from './providers/provider.ts';

export type DnsConfig = ResolvedPod['dns'];

export interface ClusterDns {
  /** Addresses of the cluster's DNS; [] = there is none, and every pod gets the node's resolver. */
  readonly nameservers: readonly string[];
  /** `cluster.local` */
  readonly domain: string;
  /** What pods with dnsPolicy Default get: the node's own resolver. */
  readonly node: DnsConfig;
}

/** What goes into a pod's resolv.conf by its dnsPolicy and dnsConfig. */
export function podDns(pod: Pod, cluster: ClusterDns): DnsConfig {
  return withPodConfig(byPolicy(pod, cluster), pod);
}

function byPolicy(pod: Pod, cluster: ClusterDns): DnsConfig {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'None') return { nameservers: [], searches: [], options: [] };
  const usesCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.spec?.hostNetwork);
  if (!usesCluster || cluster.nameservers.length === 0) return cluster.node;
  const { domain } = cluster;
  const searches = [
    `${pod.metadata?.namespace ?? ''}.svc.${domain}`,
    `svc.${domain}`,
    domain,
    ...cluster.node.searches,
  ];
  return { nameservers: cluster.nameservers, searches: unique(searches), options: ['ndots:5'] };
}

function withPodConfig(base: DnsConfig, pod: Pod): DnsConfig {
  const config = pod.spec?.dnsConfig;
  if (!config) return base;
  const options = new Map<string, string>();
  for (const option of base.options) options.set(option.split(':')[0] as string, option);
  for (const { name, value } of config.options ?? []) if (name) options.set(name, value ? `${name}:${value}` : name);
  return {
    nameservers: unique([...base.nameservers, ...(config.nameservers ?? [])]).slice(0, 3),
    searches: unique([...base.searches, ...(config.searches ?? [])]),
    options: [...options.values()],
  };
}

const unique = (list: readonly string[]): string[] => [...new Set(list)];

export interface PodHostname {
  readonly hostname: string;
  /** '' or the domain after the hostname (subdomain.namespace.svc.cluster.local). */
  readonly domain: string;
}

/** The pod's host name: its name cut to 63 characters unless it sets its own. */
export function podHostname(pod: Pod, clusterDomain: string, nodeName: string): PodHostname {
  const spec = pod.spec;
  if (spec?.hostnameOverride) return { hostname: spec.hostnameOverride, domain: '' };
  if (spec?.hostNetwork) return { hostname: nodeName, domain: '' };
  const hostname = spec?.hostname || (pod.metadata?.name ?? '').slice(0, 63).replace(/[-.]+$/, '');
  const domain = spec?.subdomain ? `${spec.subdomain}.${pod.metadata?.namespace ?? ''}.svc.${clusterDomain}` : '';
  if (spec?.setHostnameAsFQDN && domain) return { hostname: `${hostname}.${domain}`, domain };
  return { hostname, domain };
}
