/** Which node ports a Service has; a number is its own as long as its reservation stands in the store. */
import type { Service, ServicePort, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { invalidValue } from '@nodeless/apimachinery/field-errors';
import { ApiError, type FieldError } from '@nodeless/apimachinery/status';
import { type RelatedWrite, reservationKey, type SideEffectReader } from '../../side-effects.ts';
import { needsHealthCheckNodePort, needsNodePort } from './service-type-change.ts';

export type NodePortRange = readonly [first: number, last: number];

const reservationName = (port: number): string => `node-port-${port}`;
const guesses = 32;
const drawnInVain = 2;

/** Every number that the Service holds: a number may serve TCP and UDP of one Service. */
export function heldNodePorts(service: Readonly<Service>): Set<number> {
  const spec = service.spec ?? {};
  const ports = needsNodePort(spec) ? (spec.ports ?? []).map((port) => port.nodePort ?? 0) : [];
  return new Set([...ports, spec.healthCheckNodePort ?? 0].filter((port) => port > 0));
}

/** What an update left out stays as it was allocated, port by port. */
export function keepNodePorts(spec: ServiceSpec, old: Readonly<ServiceSpec>): void {
  if (!needsNodePort(spec) || !needsNodePort(old)) return;
  const used = new Set((spec.ports ?? []).map(({ nodePort, protocol }) => `${protocol}/${nodePort}`));
  for (const port of spec.ports ?? []) {
    if (port.nodePort) continue;
    const before = old.ports?.find((one) => one.port === port.port && one.protocol === port.protocol);
    if (before?.nodePort && !used.has(`${port.protocol}/${before.nodePort}`)) port.nodePort = before.nodePort;
  }
  if (needsHealthCheckNodePort(spec) && needsHealthCheckNodePort(old))
    spec.healthCheckNodePort ||= old.healthCheckNodePort;
}

export async function allocateNodePorts(
  service: Service,
  held: ReadonlySet<number>,
  range: NodePortRange,
  read: SideEffectReader,
  taken: ReadonlySet<string>,
  random: () => number,
): Promise<{ writes: RelatedWrite[]; errors: FieldError[] }> {
  const spec = service.spec ?? {};
  const errors: FieldError[] = [];
  const fresh = new Set<number>();
  if (!needsNodePort(spec) && !needsHealthCheckNodePort(spec)) return { writes: [], errors };
  let others: Set<number> | undefined;
  const isTaken = (port: number): boolean => taken.has(reservationKey(reservationName(port)));
  /** Looks at every Service there is: for a number that somebody asks for. */
  const inUse = async (port: number): Promise<boolean> => {
    if (isTaken(port)) return true;
    others ??= await portsOfOthers(service, read);
    return others.has(port);
  };
  /** A number that is drawn is seldom in use, and its reservation says so if it is; where it happens again, it is worth a look. */
  const isDrawable = async (port: number): Promise<boolean> =>
    taken.size < drawnInVain ? !isTaken(port) : !(await inUse(port));
  const ask = async (field: string, port: number): Promise<void> => {
    if (held.has(port) || fresh.has(port)) return;
    if (port < range[0] || port > range[1])
      errors.push(
        invalidValue(
          field,
          port,
          `provided port is not in the valid range. The range of valid ports is ${range[0]}-${range[1]}`,
        ),
      );
    else if (await inUse(port)) errors.push(invalidValue(field, port, 'provided port is already allocated'));
    else fresh.add(port);
  };
  const choose = async (): Promise<number> => {
    const size = range[1] - range[0] + 1;
    // The lower part is kept for numbers that people choose (KEP-3668).
    const band = Math.min(Math.max(16, Math.floor(size / 32)), 128);
    const isFree = async (port: number): Promise<boolean> =>
      !held.has(port) && !fresh.has(port) && (await isDrawable(port));
    for (let i = 0; i < guesses; i++) {
      const port = range[0] + (size > band ? band + Math.floor(random() * (size - band)) : Math.floor(random() * size));
      if (await isFree(port)) return port;
    }
    for (let i = 0; i < size; i++) {
      const port = range[0] + ((i + band) % size);
      if (await isFree(port)) return port;
    }
    throw new ApiError({
      code: 500,
      reason: 'InternalError',
      message: 'Internal error occurred: failed to allocate a nodePort: range is full',
      details: { causes: [{ message: 'failed to allocate a nodePort: range is full' }] },
    });
  };

  if (needsNodePort(spec)) {
    for (const [i, port] of (spec.ports ?? []).entries())
      if (port.nodePort) await ask(`spec.ports[${i}].nodePort`, port.nodePort);
    const automatic = spec.type !== 'LoadBalancer' || spec.allocateLoadBalancerNodePorts !== false;
    for (const port of spec.ports ?? []) {
      if (port.nodePort || !automatic) continue;
      port.nodePort = companion(spec.ports ?? [], port) ?? (await choose());
      if (!held.has(port.nodePort)) fresh.add(port.nodePort);
    }
  }
  if (needsHealthCheckNodePort(spec)) {
    if (spec.healthCheckNodePort) await ask('spec.healthCheckNodePort', spec.healthCheckNodePort);
    else {
      spec.healthCheckNodePort = await choose();
      fresh.add(spec.healthCheckNodePort);
    }
  }
  return { writes: [...fresh].map((port) => ({ type: 'reserve', name: reservationName(port) })), errors };
}

/** TCP and UDP of one port number share a node port. */
function companion(ports: readonly ServicePort[], port: ServicePort): number | undefined {
  return ports.find(
    (other) => other !== port && other.port === port.port && other.protocol !== port.protocol && other.nodePort,
  )?.nodePort;
}

async function portsOfOthers({ metadata }: Service, read: SideEffectReader): Promise<Set<number>> {
  const all = (await read.list('', 'services')) as readonly Readonly<Service>[];
  const others = all.filter(
    (one) => one.metadata?.name !== metadata?.name || one.metadata?.namespace !== metadata?.namespace,
  );
  return new Set(others.flatMap((one) => [...heldNodePorts(one)]));
}

export const releaseNodePort = (port: number): RelatedWrite => ({ type: 'release', name: reservationName(port) });
