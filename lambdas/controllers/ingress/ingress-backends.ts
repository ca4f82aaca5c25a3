import type { Ingress, IngressBackend } from '@nodeless/apimachinery/generated/types/networking/v1';

/** Every backend that an Ingress names, in its order. */
export function backendsOf({ spec }: Ingress): IngressBackend[] {
  return [
    ...(spec?.defaultBackend ? [spec.defaultBackend] : []),
    ...(spec?.rules ?? []).flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend)),
  ];
}

/** Names of the Services in the Ingress's namespace that it leads to, each once. */
export function backendServices(ingress: Ingress): string[] {
  return [...new Set(backendsOf(ingress).flatMap(({ service }) => (service?.name ? [service.name] : [])))];
}
