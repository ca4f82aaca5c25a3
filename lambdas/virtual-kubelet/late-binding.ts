/**
 * The pod's own address is known only once its network exists, after the kubelet has resolved the environment. Values that
 * need it carry these markers, which no environment value can contain by itself (a NUL ends a value), and the provider
 * replaces them when it starts a container.
 */
export const podIpMarker = '\u0000podIP\u0000';
export const podIpsMarker = '\u0000podIPs\u0000';

export function bindAddresses(
  text: string,
  addresses: { readonly podIp: string; readonly podIps: readonly string[] },
): string {
  if (!text.includes('\u0000')) return text;
  return text.replaceAll(podIpMarker, addresses.podIp).replaceAll(podIpsMarker, addresses.podIps.join(','));
}
