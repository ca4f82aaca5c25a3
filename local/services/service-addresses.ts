import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import { elsewhereAnnotation } from '@nodeless/controllers/load-balancers/load-balancer';
import { parseElsewhere, portKey } from '@nodeless/controllers/load-balancers/proxy/places';

/** Where a Service of type LoadBalancer answers on this machine, `address:port` for each of its ports; [] while it has no address. */
export function serviceAddresses(service: Service): string[] {
  const ip = service.status?.loadBalancer?.ingress?.[0]?.ip;
  if (!ip) return [];
  const elsewhere = parseElsewhere(service.metadata?.annotations?.[elsewhereAnnotation] ?? '');
  return (service.spec?.ports ?? []).map((port) => {
    const place = elsewhere.get(portKey({ port: port.port, protocol: port.protocol === 'UDP' ? 'UDP' : 'TCP' }));
    return place ? `${place.address}:${place.port}` : `${ip}:${port.port}`;
  });
}
