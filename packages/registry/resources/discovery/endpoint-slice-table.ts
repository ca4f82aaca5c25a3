import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { joinSome, type Row } from '../table-of.ts';

const shown = 3;

export function endpointSliceCells(
  { addressType, ports, endpoints }: Readonly<EndpointSlice>,
  { name, age }: Row,
): unknown[] {
  const portTexts = (ports ?? []).map((port) => String(port.port ?? port.name ?? '*'));
  const addresses = (endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []);
  return [
    name,
    addressType ?? '',
    joinSome(portTexts, shown) || '<unset>',
    joinSome(addresses, shown) || '<unset>',
    age,
  ];
}
