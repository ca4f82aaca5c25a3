import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock, Timer } from '@nodeless/component-base/clock';
import { type DataPath, type DataPathNode, type DataPathPort, hasDataPath, planService } from './data-path-model.ts';
import { createRenderer, type Renderer } from './nft/render.ts';
import { createUdpZones } from './nft/udp-zones.ts';
import type { ServiceIndex } from './service-index.ts';

/** The data path's model, kept current; and its rules for who writes them. */
export interface ServiceDataPath {
  model(): DataPath;
  /** TCP ports by `address:port`, of ClusterIPs. */
  lookUp(address: string, port: number): DataPathPort | undefined;
  /** From now on rules are handed to `onRules`: at once, then after each change, a burst of them as one. */
  start(nodes: readonly DataPathNode[], onRules: (renderer: Renderer) => void): void;
  stop(): void;
}

export interface ServiceDataPathOptions {
  readonly index: ServiceIndex;
  readonly serviceCidr: string;
  readonly clock: Clock;
  /** Called whenever rules have been handed on. */
  readonly onChange?: () => void;
}

/** A Service with its endpoints is several writes, a rollout is hundreds: long enough for most of a burst, too short to notice. */
const batchMs = 20;

export function createServiceDataPath(options: ServiceDataPathOptions): ServiceDataPath {
  const { index, serviceCidr, clock } = options;
  const zones = createUdpZones(Math.floor(clock.now() / 1000));
  const planned = new Map<string, readonly DataPathPort[]>();
  const byAddress = new Map<string, DataPathPort>();
  const dirty = new Set<string>();
  let nodes: readonly DataPathNode[] = [];
  let model: DataPath | undefined;
  let timer: Timer | undefined;
  let onRules: ((renderer: Renderer) => void) | undefined;

  const plan = (service: string): void => {
    for (const port of planned.get(service) ?? []) for (const key of addressesOf(port)) byAddress.delete(key);
    const [namespace = '', name = ''] = service.split('/');
    const found: Service | undefined = index.service(namespace, name);
    if (!found || !hasDataPath(found)) {
      planned.delete(service);
      return;
    }
    const ports = planService(found, index.slicesOf(namespace, name));
    planned.set(service, ports);
    for (const port of ports) for (const key of addressesOf(port)) byAddress.set(key, port);
  };

  const catchUp = (): void => {
    if (dirty.size === 0) return;
    for (const service of dirty) plan(service);
    dirty.clear();
    model = undefined;
  };

  const current = (): DataPath => {
    catchUp();
    model ??= { ports: [...planned.values()].flat().sort((a, b) => (a.id < b.id ? -1 : 1)), nodes };
    return model;
  };

  const handOn = (): void => {
    timer = undefined;
    const now = current();
    zones.keepOnly(new Set(now.ports.map(({ id }) => id)));
    onRules?.(createRenderer(now, { serviceCidr, zoneOf: (port) => zones.zoneOf(port) }));
    options.onChange?.();
  };

  index.onChange((service) => {
    dirty.add(service);
    if (onRules) timer ??= clock.setTimer(handOn, batchMs);
  });
  for (const { metadata } of index.services()) dirty.add(`${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`);

  return {
    model: current,
    lookUp(address, port) {
      catchUp();
      return byAddress.get(`${address}:${port}`);
    },
    start(known, handTo) {
      nodes = known;
      onRules = handTo;
      model = undefined;
      handOn();
    },
    stop() {
      onRules = undefined;
      timer?.cancel();
    },
  };
}

function addressesOf(port: DataPathPort): string[] {
  return port.protocol === 'tcp' ? port.clusterIps.map((ip) => `${ip}:${port.port}`) : [];
}
