import { describe, expect, it } from 'vitest';
import type { Service, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { RelatedWrite, SideEffectReader } from '@nodeless/registry/side-effects';
import { serviceAllocation } from '@nodeless/registry/resources/core/service-allocation';
import type { RequestContext } from '@nodeless/registry/strategy';

const context = {} as RequestContext;
const service = (name: string, spec: ServiceSpec): UnknownObject & Service => ({
  metadata: { name, namespace: 'd' },
  spec: { type: 'ClusterIP', ...spec },
});

function setUp(options: { addresses?: string[]; services?: Service[]; random?: number; serviceCidr?: string } = {}) {
  const read: SideEffectReader = {
    get: async (_group, resource, _namespace, name) =>
      resource === 'ipaddresses' && options.addresses?.includes(name) ? { metadata: { name } } : undefined,
    list: async () => (options.services ?? []) as UnknownObject[],
  };
  const effects = serviceAllocation({
    serviceCidr: options.serviceCidr ?? '10.96.0.0/24',
    nodePortRange: [30000, 30100],
    random: () => options.random ?? 0,
  });
  return {
    create: (object: UnknownObject, taken: string[] = []) =>
      effects.onCreate?.(object, context, read, new Set(taken)) as Promise<readonly RelatedWrite[]>,
    update: (object: UnknownObject, old: UnknownObject) =>
      effects.onUpdate?.(object, old, context, read, new Set()) as Promise<readonly RelatedWrite[]>,
    remove: (object: UnknownObject) => effects.onDelete?.(object, context, read) as Promise<readonly RelatedWrite[]>,
  };
}
const words = (writes: readonly RelatedWrite[]): string[] =>
  writes.map((w) => (w.type === 'create' ? `create ${w.object.metadata?.name}` : `${w.type} ${w.name}`));

describe('a ClusterIP', () => {
  it('is chosen above the band that is kept for people, and reserved by an IPAddress', async () => {
    const object = service('web', { ports: [{ port: 80 }] });
    const writes = await setUp().create(object);
    expect(object.spec).toMatchObject({
      clusterIP: '10.96.0.16',
      clusterIPs: ['10.96.0.16'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
    });
    expect(writes).toEqual([
      {
        type: 'create',
        group: 'networking.k8s.io',
        resource: 'ipaddresses',
        object: {
          metadata: {
            name: '10.96.0.16',
            labels: {
              'ipaddress.kubernetes.io/ip-family': 'IPv4',
              'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
            },
          },
          spec: { parentRef: { group: '', resource: 'services', namespace: 'd', name: 'web' } },
        },
      },
    ]);
  });
  it('is another one when somebody was faster', async () => {
    const object = service('web', {});
    await setUp({ addresses: ['10.96.0.16'] }).create(object, ['networking.k8s.io/ipaddresses//10.96.0.17']);
    expect(object.spec?.clusterIP).toBe('10.96.0.18');
  });
  it('comes from the band when nothing else is left, and runs out', async () => {
    const all = Array.from({ length: 14 }, (_, i) => `10.96.0.${i + 1}`);
    const object = service('web', {});
    await setUp({ serviceCidr: '10.96.0.0/28', addresses: all.slice(1) }).create(object);
    expect(object.spec?.clusterIP).toBe('10.96.0.1');
    await expect(
      setUp({ serviceCidr: '10.96.0.0/28', addresses: all }).create(service('web', {})),
    ).rejects.toMatchObject({ message: 'Internal error occurred: failed to allocate a serviceIP: range is full' });
  });
  it.each([
    {
      name: 'taken',
      spec: { clusterIP: '10.96.0.9' },
      message:
        'Service "web" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.9"]: failed to allocate IP 10.96.0.9: provided IP is already allocated',
    },
    {
      name: 'of another range',
      spec: { clusterIP: '1.2.3.4' },
      message:
        'Service "web" is invalid: spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: the provided network does not match the current range',
    },
    {
      name: 'of two families',
      spec: { ipFamilyPolicy: 'RequireDualStack' },
      message:
        'Service "web" is invalid: spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    },
    {
      name: 'of IPv6',
      spec: { ipFamilies: ['IPv6'] },
      message: 'Service "web" is invalid: spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
    },
  ])('that is $name is refused', async ({ spec, message }) => {
    await expect(setUp({ addresses: ['10.96.0.9'] }).create(service('web', spec))).rejects.toMatchObject({ message });
  });
  it('is kept by a PUT that leaves it out, and given back on the way to ExternalName', async () => {
    const old = service('web', {
      clusterIP: '10.96.0.20',
      clusterIPs: ['10.96.0.20'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
    });
    const put = service('web', {});
    expect(words(await setUp({ addresses: ['10.96.0.20'] }).update(put, old))).toEqual([]);
    expect(put.spec?.clusterIPs).toEqual(['10.96.0.20']);
    expect(words(await setUp().update(service('web', { type: 'ExternalName', externalName: 'a.b' }), old))).toEqual([
      'delete 10.96.0.20',
    ]);
    expect(words(await setUp().remove(old))).toEqual(['delete 10.96.0.20']);
  });
  it('is not given to headless Services', async () => {
    const object = service('db', { clusterIP: 'None', selector: { a: 'b' } });
    expect(await setUp().create(object)).toEqual([]);
    expect(object.spec).toMatchObject({ clusterIPs: ['None'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
  });
});

describe('node ports', () => {
  const nodePort = (ports: ServiceSpec['ports'], more: ServiceSpec = {}) =>
    service('np', { type: 'NodePort', clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports, ...more });
  it('are chosen and reserved, one number for TCP and UDP of a port', async () => {
    const object = nodePort([
      { name: 'a', port: 53, protocol: 'TCP' },
      { name: 'b', port: 53, protocol: 'UDP' },
      { name: 'c', port: 80, protocol: 'TCP' },
    ]);
    expect(words(await setUp().create(object))).toEqual([
      'create 10.96.0.9',
      'reserve node-port-30016',
      'reserve node-port-30017',
    ]);
    expect(object.spec?.ports?.map((p) => p.nodePort)).toEqual([30016, 30016, 30017]);
  });
  it.each([
    {
      port: 80,
      message:
        'Service "np" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-30100',
    },
    {
      port: 30005,
      message:
        'Service "np" is invalid: spec.ports[0].nodePort: Invalid value: 30005: provided port is already allocated',
    },
  ])('$port is refused', async ({ port, message }) => {
    const other = service('other', { type: 'NodePort', ports: [{ port: 1, nodePort: 30005 }] });
    await expect(
      setUp({ services: [other] }).create(nodePort([{ port: 80, nodePort: port, protocol: 'TCP' }])),
    ).rejects.toMatchObject({ message });
  });
  it('stay through a PUT that leaves them out, and go with the type', async () => {
    const old = nodePort([{ port: 80, protocol: 'TCP', nodePort: 30005 }]);
    const put = nodePort([{ port: 80, protocol: 'TCP' }]);
    expect(words(await setUp({ addresses: ['10.96.0.9'] }).update(put, old))).toEqual([]);
    expect(put.spec?.ports?.[0]?.nodePort).toBe(30005);
    const plain = service('np', {
      clusterIP: '10.96.0.9',
      clusterIPs: ['10.96.0.9'],
      ports: [{ port: 80, protocol: 'TCP' }],
    });
    expect(words(await setUp({ addresses: ['10.96.0.9'] }).update(plain, old))).toEqual(['release node-port-30005']);
  });
  it('are not made for a load balancer that wants none', async () => {
    const object = nodePort([{ port: 80, protocol: 'TCP' }], {
      type: 'LoadBalancer',
      allocateLoadBalancerNodePorts: false,
    });
    expect(words(await setUp().create(object))).toEqual(['create 10.96.0.9']);
  });
});
