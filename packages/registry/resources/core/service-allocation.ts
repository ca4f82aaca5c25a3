/** A Service's ClusterIP and node ports are reserved in the commit that writes it, and given back in the one that frees them. */
import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { parseCidr } from '@nodeless/apimachinery/ip';
import { type FieldError, invalid } from '@nodeless/apimachinery/status';
import type { RelatedWrite, SideEffectReader, SideEffects } from '../../side-effects.ts';
import {
  allocateAddress,
  fillFamilies,
  heldAddresses,
  keepAddresses,
  normalizeAddresses,
  releaseAddress,
} from './service-addresses.ts';
import {
  allocateNodePorts,
  heldNodePorts,
  keepNodePorts,
  type NodePortRange,
  releaseNodePort,
} from './service-node-ports.ts';

export interface AllocationOptions {
  readonly serviceCidr: string;
  readonly nodePortRange: NodePortRange;
  readonly random?: () => number;
}

export function serviceAllocation({
  serviceCidr,
  nodePortRange,
  random = Math.random,
}: AllocationOptions): SideEffects {
  const range = parseCidr(serviceCidr);
  if (!range) throw new Error(`the service range ${JSON.stringify(serviceCidr)} is no CIDR`);

  const allocate = async (
    service: Service,
    old: Readonly<Service> | undefined,
    read: SideEffectReader,
    taken: ReadonlySet<string>,
  ): Promise<RelatedWrite[]> => {
    const spec = (service.spec ??= {});
    normalizeAddresses(spec, old?.spec);
    if (old?.spec) {
      keepAddresses(spec, old.spec);
      keepNodePorts(spec, old.spec);
    }
    const families = fillFamilies(spec);
    fail(service, families);
    const addresses = await allocateAddress(service, old ? heldAddresses(old) : [], range, read, taken, random);
    const ports = await allocateNodePorts(
      service,
      old ? heldNodePorts(old) : new Set(),
      nodePortRange,
      read,
      taken,
      random,
    );
    fail(service, [...addresses.errors, ...ports.errors]);
    return [...addresses.writes, ...ports.writes];
  };
  return {
    onCreate: (object, _context, read, taken) => allocate(object as UnknownObject & Service, undefined, read, taken),
    async onUpdate(object, previous, _context, read, taken) {
      const service = object as UnknownObject & Service;
      const old = previous as Readonly<Service>;
      const writes = await allocate(service, old, read, taken);
      const addresses = heldAddresses(service);
      const ports = heldNodePorts(service);
      return [
        ...writes,
        ...heldAddresses(old)
          .filter((ip) => !addresses.includes(ip))
          .map(releaseAddress),
        ...[...heldNodePorts(old)].filter((port) => !ports.has(port)).map(releaseNodePort),
      ];
    },
    async onDelete(object) {
      const service = object as Readonly<Service>;
      return [...heldAddresses(service).map(releaseAddress), ...[...heldNodePorts(service)].map(releaseNodePort)];
    },
  };
}

function fail({ metadata }: Service, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: '', kind: 'Service' }, metadata?.name ?? '', errors);
}
