import type { ServiceSpec, ServiceStatus } from '@nodeless/apimachinery/generated/types/core/v1';
import { describe, expect, it } from 'vitest';
import { hasDataPath, planDataPath, planService, refusals } from '../../../../local/services/data-path-model.ts';
import { aService } from '../../../builders/objects.ts';

const plan = (spec: Partial<ServiceSpec>, status?: ServiceStatus) =>
  planService({ ...aService('web', spec), status }, []);
const tcp = { name: 'web', port: 80, protocol: 'TCP' };

describe('the model of a Service', () => {
  it('has each TCP and UDP port and refuses SCTP', () => {
    const ports = [tcp, { name: 'dns', port: 53, protocol: 'UDP' }, { name: 'sig', port: 9, protocol: 'SCTP' }];
    expect(plan({ ports }).map(({ id, protocol, port }) => [id, protocol, port])).toEqual([
      ['default/web:web', 'tcp', 80],
      ['default/web:dns/udp', 'udp', 53],
    ]);
    expect(refusals(aService('web', { ports }))).toEqual([
      'port 9: SCTP is not supported by the local data path; use TCP or UDP',
    ]);
  });

  it.each<[string, Partial<ServiceSpec>, ServiceStatus | undefined, object]>([
    [
      'ClusterIPs of the family it has',
      { ports: [tcp], clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5', 'fd00::5'] },
      undefined,
      { clusterIps: ['10.96.0.5'] },
    ],
    [
      'external addresses',
      { ports: [tcp], externalIPs: ['192.0.2.1', 'fd00::1'] },
      undefined,
      { externalIps: ['192.0.2.1'], loadBalancerIps: [] },
    ],
    [
      'a load balancer that delivers as it is',
      { ports: [tcp], type: 'LoadBalancer' },
      { loadBalancer: { ingress: [{ ip: '192.0.2.7', ipMode: 'VIP' }] } },
      { externalIps: ['192.0.2.7'], loadBalancerIps: ['192.0.2.7'] },
    ],
    [
      'not one that is a proxy',
      { ports: [tcp], type: 'LoadBalancer' },
      { loadBalancer: { ingress: [{ ip: '127.1.2.3', ipMode: 'Proxy' }, { hostname: 'x' }] } },
      { externalIps: [], loadBalancerIps: [] },
    ],
    ['node ports', { type: 'NodePort', ports: [{ ...tcp, nodePort: 30_000 }] }, undefined, { nodePort: 30_000 }],
    ['no node port without the type', { ports: [{ ...tcp, nodePort: 30_000 }] }, undefined, { nodePort: undefined }],
    ['no affinity', { ports: [tcp] }, undefined, { affinitySeconds: undefined }],
    [
      'affinity',
      { ports: [tcp], sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
      undefined,
      { affinitySeconds: 60 },
    ],
    ['affinity of three hours', { ports: [tcp], sessionAffinity: 'ClientIP' }, undefined, { affinitySeconds: 10_800 }],
    [
      'policies',
      { ports: [tcp], internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' },
      undefined,
      { internalLocal: true, externalLocal: true },
    ],
    [
      'source ranges',
      { ports: [tcp], loadBalancerSourceRanges: [' 10.0.0.0/8', 'fd00::/8'] },
      undefined,
      { sourceRanges: ['10.0.0.0/8'] },
    ],
  ])('has %s', (_what, spec, status, expected) => {
    expect(plan(spec, status)[0]).toMatchObject(expected);
  });

  it.each<[string, Partial<ServiceSpec>, boolean]>([
    ['an ordinary one', {}, true],
    ['a headless one', { clusterIP: 'None' }, false],
    ['one without an address yet', { clusterIP: '' }, false],
    ['an external name', { type: 'ExternalName', clusterIP: undefined }, false],
  ])('is there for %s: %s', (_what, spec, expected) => {
    expect(hasDataPath(aService('web', spec))).toBe(expected);
  });

  it('leaves Services to another proxy that they name', () => {
    const service = aService('web');
    expect(
      hasDataPath({
        ...service,
        metadata: { ...service.metadata, labels: { 'service.kubernetes.io/service-proxy-name': 'x' } },
      }),
    ).toBe(false);
  });

  it('is sorted, whatever the order of Services', () => {
    const [a, b] = [aService('a'), aService('b')];
    expect(planDataPath([b, a], () => [], []).ports.map(({ id }) => id)).toEqual(
      planDataPath([a, b], () => [], []).ports.map(({ id }) => id),
    );
  });
});
