import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { beforeEach, describe, expect, it } from 'vitest';
import { createServiceDataPath } from '../../../../local/services/service-data-path.ts';
import { createServiceDialer } from '../../../../local/services/service-dialer.ts';
import { createServiceIndex, type ServiceIndex } from '../../../../local/services/service-index.ts';
import { aService } from '../../../builders/objects.ts';
import { createObjectSource, type ObjectSource } from '../../../builders/sources.ts';

let services: ObjectSource<Service>;
let slices: ObjectSource<EndpointSlice>;
let index: ServiceIndex;

const slice = (service: string, addresses: readonly string[], name = `${service}-1`): EndpointSlice => ({
  metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': service } },
  addressType: 'IPv4',
  ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
});

beforeEach(() => {
  services = createObjectSource();
  slices = createObjectSource();
  index = createServiceIndex({ services, slices });
});

describe('the index of Services', () => {
  it('follows addresses, owners and names as they change', () => {
    services.put(aService('a', { clusterIP: '10.96.0.1' }));
    slices.put(slice('a', ['10.0.0.1']));
    expect(index.servicesAt('10.96.0.1').map(({ metadata }) => metadata?.name)).toEqual(['a']);
    expect(index.slicesAt('10.0.0.1')).toHaveLength(1);
    expect(index.hasServices('default')).toBe(true);
    services.put(aService('a', { clusterIP: '10.96.0.2' }));
    slices.put(slice('a', ['10.0.0.2']));
    expect([index.servicesAt('10.96.0.1'), index.slicesAt('10.0.0.1')]).toEqual([[], []]);
    expect([
      index.servicesAt('10.96.0.2').length,
      index.slicesAt('10.0.0.2').length,
      index.slicesOf('default', 'a').length,
    ]).toEqual([1, 1, 1]);
    slices.put(slice('b', ['10.0.0.2'], 'a-1'));
    expect([index.slicesOf('default', 'a').length, index.slicesOf('default', 'b').length]).toEqual([0, 1]);
    services.remove(aService('a'));
    slices.remove(slice('b', [], 'a-1'));
    expect([
      index.service('default', 'a'),
      index.servicesAt('10.96.0.2').length,
      index.slicesAt('10.0.0.2').length,
      index.hasServices('default'),
    ]).toEqual([undefined, 0, 0, false]);
  });

  it('tells whose endpoints changed', () => {
    const changed: string[] = [];
    index.onChange((service) => changed.push(service));
    services.put(aService('a'));
    slices.put(slice('a', []));
    slices.put(slice('b', [], 'a-1'));
    expect(changed).toEqual(['default/a', 'default/a', 'default/b', 'default/a']);
  });
});

describe('the data path', () => {
  it('hands a burst of changes on as one, twenty milliseconds after the first', async () => {
    const clock = createManualClock();
    let handed = 0;
    const dataPath = createServiceDataPath({ index, serviceCidr: '10.96.0.0/16', clock });
    dataPath.start([], () => handed++);
    expect(handed).toBe(1);
    for (let i = 0; i < 50; i++) slices.put(slice('a', [`10.0.0.${i}`]));
    await clock.advance(19);
    expect(handed).toBe(1);
    await clock.advance(1);
    expect(handed).toBe(2);
    dataPath.stop();
    services.put(aService('late'));
    await clock.advance(100);
    expect(handed).toBe(2);
  });

  it('knows its model without being handed on', () => {
    const dataPath = createServiceDataPath({
      index,
      serviceCidr: '10.96.0.0/16',
      clock: createManualClock(),
    });
    services.put(aService('a', { clusterIP: '10.96.0.1' }));
    slices.put(slice('a', ['10.0.0.1']));
    expect(dataPath.lookUp('10.96.0.1', 80)?.targets.ready).toEqual([
      { address: '10.0.0.1', port: 8080, nodeName: undefined },
    ]);
    services.remove(aService('a'));
    expect(dataPath.lookUp('10.96.0.1', 80)).toBeUndefined();
    expect(dataPath.model().ports).toEqual([]);
  });
});

describe('the dialer', () => {
  const dialled: string[] = [];
  const dialer = (dead: readonly string[] = []) => {
    dialled.length = 0;
    const dataPath = createServiceDataPath({
      index,
      serviceCidr: '10.96.0.0/16',
      clock: createManualClock(),
    });
    const direct = {
      connect: (address: string, port: number) => {
        dialled.push(`${address}:${port}`);
        return dead.includes(address)
          ? Promise.reject(new Error(`${address} is dead`))
          : Promise.resolve(undefined as never);
      },
    };
    return createServiceDialer({
      lookUp: (address, port) => dataPath.lookUp(address, port),
      direct,
      isServiceAddress: (address) => address.startsWith('10.96.'),
      random: () => 0,
    });
  };

  it('leads a ClusterIP to a target, another one where the first is dead', async () => {
    services.put(aService('a', { clusterIP: '10.96.0.1' }));
    slices.put(slice('a', ['10.0.0.1', '10.0.0.2']));
    await dialer(['10.0.0.1']).connect('10.96.0.1', 80);
    expect(dialled).toEqual(['10.0.0.1:8080', '10.0.0.2:8080']);
    await expect(dialer(['10.0.0.1', '10.0.0.2']).connect('10.96.0.1', 80)).rejects.toThrow('10.0.0.2 is dead');
  });

  it('dials other addresses as they are', async () => {
    await dialer().connect('10.244.1.1', 9);
    expect(dialled).toEqual(['10.244.1.1:9']);
  });

  it('refuses Services without endpoints and addresses that no Service has', async () => {
    services.put(aService('a', { clusterIP: '10.96.0.1' }));
    await expect(dialer().connect('10.96.0.1', 80)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(dialer().connect('10.96.0.1', 81)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(dialled).toEqual([]);
  });
});
