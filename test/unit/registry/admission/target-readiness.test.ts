import type { Pod, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { awsAdmission } from '@nodeless/registry/admission/aws-admission';
import type { AdmissionPlugin } from '@nodeless/registry/admission/admission';
import { describe, expect, it } from 'vitest';
import { ask, attributes, reader } from './attributes.ts';

const plugin = awsAdmission.find(({ name }) => name === 'TargetReadiness') as AdmissionPlugin;
const namespace = (labels: Record<string, string> = {}) => ({ metadata: { name: 'default', labels } });
const service = (name: string, spec: ServiceSpec) => ({ metadata: { name, namespace: 'default' }, spec });
const balanced = service('web', { type: 'LoadBalancer', selector: { app: 'web' } });
const pod = (spec: Partial<Pod['spec']> = {}): Pod => ({
  kind: 'Pod',
  metadata: { name: 'p', labels: { app: 'web' } },
  spec: { containers: [], ...spec },
});
const ingress = (className: string) => ({
  metadata: { name: 'i', namespace: 'default' },
  spec: { ingressClassName: className, rules: [{ http: { paths: [{ backend: { service: { name: 'plain' } } }] } }] },
});
const classes = [
  { metadata: { name: 'alb' }, spec: { controller: 'nodeless.dev/alb' } },
  { metadata: { name: 'nginx' }, spec: { controller: 'nginx' } },
];

async function gates(objects: Record<string, readonly object[]>, one = pod()): Promise<string[]> {
  expect(await ask(plugin, attributes('pods', one), reader({ namespaces: [namespace()], ...objects }))).toBeUndefined();
  return (one.spec?.readinessGates ?? []).map(({ conditionType }) => conditionType);
}

describe('readiness gates by target health', () => {
  it.each<[string, Record<string, readonly object[]>, string[]]>([
    ['a Service of type LoadBalancer', { services: [balanced] }, ['target-health.nodeless.dev/web']],
    [
      'one of the class of the AWS Load Balancer Controller',
      { services: [service('web', { ...balanced.spec, loadBalancerClass: 'service.k8s.aws/nlb' })] },
      ['target-health.nodeless.dev/web'],
    ],
    ['one of another class', { services: [service('web', { ...balanced.spec, loadBalancerClass: 'other' })] }, []],
    ['one that selects others', { services: [service('web', { type: 'LoadBalancer', selector: { app: 'x' } })] }, []],
    ['one without a selector', { services: [service('web', { type: 'LoadBalancer', selector: {} })] }, []],
    ['a plain Service', { services: [service('plain', { selector: { app: 'web' } })] }, []],
    [
      'a plain Service behind an Ingress',
      {
        services: [service('plain', { selector: { app: 'web' } })],
        'networking.k8s.io/ingresses': [ingress('alb')],
        'networking.k8s.io/ingressclasses': classes,
      },
      ['target-health.nodeless.dev/plain'],
    ],
    [
      'behind an Ingress of another class',
      {
        services: [service('plain', { selector: { app: 'web' } })],
        'networking.k8s.io/ingresses': [ingress('nginx')],
        'networking.k8s.io/ingressclasses': classes,
      },
      [],
    ],
    [
      'a namespace that does not want it',
      { services: [balanced], namespaces: [namespace({ 'elbv2.k8s.aws/pod-readiness-gate-inject': 'disabled' })] },
      [],
    ],
    [
      'two Services',
      { services: [balanced, service('api', { type: 'LoadBalancer', selector: { app: 'web' } })] },
      ['target-health.nodeless.dev/web', 'target-health.nodeless.dev/api'],
    ],
  ])('%s', async (_what, objects, expected) => {
    expect(await gates(objects)).toEqual(expected);
  });

  it('a Service whose ClusterIP a load balancer carries', async () => {
    const plain = service('web', { selector: { app: 'web' } });
    const carried = { ...plain, metadata: { ...plain.metadata, annotations: { 'nodeless.dev/data-path': 'nlb' } } };
    expect(await gates({ services: [carried] })).toEqual(['target-health.nodeless.dev/web']);
  });

  it('keep what the pod has, but not the gates of a controller that is not here', async () => {
    const one = pod({
      readinessGates: [
        { conditionType: 'a/b' },
        { conditionType: 'target-health.nodeless.dev/web' },
        { conditionType: 'target-health.elbv2.k8s.aws/x' },
      ],
    });
    const more = service('api', { type: 'LoadBalancer', selector: { app: 'web' } });
    expect(await gates({ services: [balanced, more] }, one)).toEqual([
      'a/b',
      'target-health.nodeless.dev/web',
      'target-health.nodeless.dev/api',
    ]);
  });

  it('are chosen when the pod is made only', () => {
    expect(plugin.handles(attributes('pods', pod(), { operation: 'UPDATE' }))).toBe(false);
    expect(plugin.handles(attributes('pods', pod(), { subresource: 'binding' }))).toBe(false);
  });
});
