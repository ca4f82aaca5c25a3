import type { Service, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { type DataPathSettings, chooseDataPath } from '@nodeless/apimachinery/service-data-path';
import { describe, expect, it } from 'vitest';

const settings: DataPathSettings = { byDefault: 'auto', agents: true, loadBalancers: true };
const service = (spec: ServiceSpec, path?: string): Service => ({
  metadata: {
    name: 'web',
    namespace: 'default',
    annotations: path === undefined ? {} : { 'nodeless.dev/data-path': path },
  },
  spec: { clusterIP: '10.96.0.9', ...spec },
});
const same: ServiceSpec = { ports: [{ port: 80, targetPort: 80 as never }] };
const other: ServiceSpec = { ports: [{ port: 80, targetPort: 8080 as never }] };
const named: ServiceSpec = { ports: [{ name: 'http', port: 80, targetPort: 'web' as never }] };

describe('the way of a ClusterIP', () => {
  it.each<[string, Service, Partial<DataPathSettings>, string, RegExp[]]>([
    ['the same port: names', service(same), {}, 'dns', []],
    ['no target port: names', service({ ports: [{ port: 80 }] }), {}, 'dns', []],
    ['another port: agents', service(other), {}, 'agent', []],
    [
      'another port without agents',
      service(other),
      { agents: false },
      'dns',
      [/^PortNotTranslated port 80 leads to port 8080.*set the annotation nodeless.dev\/data-path to nlb/],
    ],
    [
      'another port without anything',
      service(other),
      { agents: false, loadBalancers: false },
      'dns',
      [/or use type LoadBalancer with scheme internal/],
    ],
    ['affinity: agents', service({ ...same, sessionAffinity: 'ClientIP' }), {}, 'agent', []],
    ['affinity by names', service({ ...same, sessionAffinity: 'ClientIP' }, 'dns'), {}, 'dns', [/^AffinityIgnored/]],
    ['names although they do not serve', service(other, 'dns'), {}, 'dns', [/^PortNotTranslated.*set it to agent/]],
    ['agents on request', service(same, 'agent'), {}, 'agent', []],
    [
      'agents that are not there',
      service(same, 'agent'),
      { agents: false },
      'dns',
      [/^DataPathUnavailable tasks have no agents/],
    ],
    ['a load balancer on request', service(other, 'nlb'), {}, 'nlb', []],
    ['a load balancer by default', service(other), { byDefault: 'nlb' }, 'nlb', []],
    ['never a load balancer unasked', service(other), { agents: false }, 'dns', [/./]],
    [
      'a load balancer that cannot be',
      service(same, 'nlb'),
      { loadBalancers: false },
      'dns',
      [/^DataPathUnavailable.*no subnets of its own/],
    ],
    ['nonsense', service(same, 'fast'), {}, 'dns', [/^InvalidDataPath.*"fast" is none of auto/]],
    [
      'traffic that is to stay on its node',
      service({ ...same, internalTrafficPolicy: 'Local' }),
      {},
      'dns',
      [/^TrafficPolicyIgnored/],
    ],
    ['headless', service({ clusterIP: 'None' }), {}, 'names', []],
    ['another name', service({ type: 'ExternalName' }), {}, 'names', []],
    [
      'NodePort',
      service({ ...same, type: 'NodePort' }),
      {},
      'dns',
      [/^NodePortUnsupported.*LoadBalancer, or an Ingress/],
    ],
  ])('%s', (_what, one, more, path, notices) => {
    const chosen = chooseDataPath(one, { ...settings, ...more });
    expect(chosen.path).toBe(path);
    expect(chosen.notices.map(({ reason, message }) => `${reason} ${message}`)).toEqual(
      notices.map((n) => expect.stringMatching(n)),
    );
  });

  it.each<[string, number[] | undefined, string]>([
    ['the same', [80], 'dns'],
    ['another', [8080], 'agent'],
    ['different ones', [80, 8080], 'agent'],
    ['not known', undefined, 'agent'],
    ['of no pod', [], 'dns'],
  ])('with a named target port that is %s', (_what, ports, path) => {
    const endpoints = new Map(ports ? [['http', ports]] : []);
    expect(chooseDataPath(service(named), settings, endpoints).path).toBe(path);
  });
});
