import { describe, expect, it } from 'vitest';
import type { PodSpec, ResourceQuota, ResourceQuotaSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { charge, totalUsage } from '@nodeless/registry/quota/charge';

const quota = (
  hard: Record<string, string>,
  used: Record<string, string>,
  spec: Partial<ResourceQuotaSpec> = {},
): ResourceQuota => ({ metadata: { name: 'q' }, spec: { hard, ...spec }, status: { hard, used } });
const pod = (
  requests: Record<string, string> = {},
  limits: Record<string, string> = {},
  more: Partial<PodSpec> = {},
) => ({ kind: 'Pod', spec: { containers: [{ name: 'c', resources: { requests, limits } }], ...more } });
const of = (group: string, resource: string, object: object, old?: object) => ({
  group,
  resource,
  object: object as never,
  old: old as never,
});

describe('a charge', () => {
  it.each<{ name: string; quota: ResourceQuota; request: ReturnType<typeof of>; want: ReturnType<typeof charge> }>([
    {
      name: 'of a pod',
      quota: quota({ pods: '3', 'requests.cpu': '2' }, { pods: '1', 'requests.cpu': '500m' }),
      request: of('', 'pods', pod({ cpu: '1' })),
      want: { used: { pods: '2', 'requests.cpu': '1500m' } },
    },
    {
      name: 'that is too much',
      quota: quota({ pods: '3', cpu: '1' }, { pods: '1', cpu: '500m' }),
      request: of('', 'pods', pod({ cpu: '1' })),
      want: { refusal: 'exceeded quota: q, requested: cpu=1, used: cpu=500m, limited: cpu=1' },
    },
    {
      name: 'that is too much in two ways',
      quota: quota({ pods: '1', memory: '1Gi' }, { pods: '1', memory: '1Gi' }),
      request: of('', 'pods', pod({ memory: '1Mi' })),
      want: {
        refusal: 'exceeded quota: q, requested: memory=1Mi,pods=1, used: memory=1Gi,pods=1, limited: memory=1Gi,pods=1',
      },
    },
    {
      name: 'of what the quota does not count',
      quota: quota({ services: '1' }, { services: '1' }),
      request: of('', 'pods', pod()),
      want: undefined,
    },
    {
      name: 'of any kind by count',
      quota: quota({ 'count/deployments.apps': '1' }, { 'count/deployments.apps': '0' }),
      request: of('apps', 'deployments', {}),
      want: { used: { 'count/deployments.apps': '1' } },
    },
    {
      name: 'of extended resources',
      quota: quota({ 'requests.example.com/gpu': '2' }, { 'requests.example.com/gpu': '1' }),
      request: of('', 'pods', pod({ 'example.com/gpu': '1' }, { 'example.com/gpu': '1' })),
      want: { used: { 'requests.example.com/gpu': '2' } },
    },
    {
      name: 'without requests where they are limited',
      quota: quota({ 'limits.memory': '1Gi', cpu: '1' }, { 'limits.memory': '0', cpu: '0' }),
      request: of('', 'pods', pod({}, { cpu: '1' })),
      want: { refusal: 'failed quota: q: must specify cpu for: c; limits.memory for: c' },
    },
    {
      name: 'before the quota has been counted',
      quota: quota({ pods: '1' }, {}),
      request: of('', 'pods', pod()),
      want: { refusal: 'status unknown for quota: q, resources: pods' },
    },
    {
      name: 'of a new quota without a status',
      quota: { metadata: { name: 'q' }, spec: { hard: { pods: '1' } } },
      request: of('', 'pods', pod()),
      want: undefined,
    },
    {
      name: 'of a service that grows',
      quota: quota({ 'services.nodeports': '2' }, { 'services.nodeports': '1' }),
      request: of(
        '',
        'services',
        { spec: { type: 'NodePort', ports: [{}, {}] } },
        { spec: { type: 'NodePort', ports: [{}] } },
      ),
      want: { used: { 'services.nodeports': '2' } },
    },
    {
      name: 'of a service that shrinks, beyond the limit',
      quota: quota({ 'services.nodeports': '1' }, { 'services.nodeports': '5' }),
      request: of(
        '',
        'services',
        { spec: { type: 'ClusterIP', ports: [{}] } },
        { spec: { type: 'NodePort', ports: [{}, {}] } },
      ),
      want: { used: { 'services.nodeports': '3' } },
    },
    {
      name: 'outside its scopes',
      quota: quota({ pods: '1' }, { pods: '1' }, { scopes: ['BestEffort'] }),
      request: of('', 'pods', pod({ cpu: '1' })),
      want: undefined,
    },
    {
      name: 'of a priority class',
      quota: quota(
        { pods: '1' },
        { pods: '0' },
        { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } },
      ),
      request: of('', 'pods', pod({}, {}, { priorityClassName: 'high' })),
      want: { used: { pods: '1' } },
    },
    {
      name: 'of a claim by its class',
      quota: quota(
        { 'gold.storageclass.storage.k8s.io/requests.storage': '5Gi' },
        { 'gold.storageclass.storage.k8s.io/requests.storage': '4Gi' },
      ),
      request: of('', 'persistentvolumeclaims', {
        spec: { storageClassName: 'gold', resources: { requests: { storage: '2Gi' } } },
      }),
      want: {
        refusal:
          'exceeded quota: q, requested: gold.storageclass.storage.k8s.io/requests.storage=2Gi, used: gold.storageclass.storage.k8s.io/requests.storage=4Gi, limited: gold.storageclass.storage.k8s.io/requests.storage=5Gi',
      },
    },
  ])('$name', ({ quota: q, request, want }) => expect(charge(q, request)).toEqual(want));

  it('adds up to what is there', () => {
    const objects = [
      pod({ cpu: '100m' }),
      pod({ cpu: '1' }),
      { ...pod({ cpu: '5' }), status: { phase: 'Succeeded' } },
    ].map((object) => ({ group: '', resource: 'pods', object: object as never }));
    expect(totalUsage(quota({ pods: '1', cpu: '1', 'count/pods': '9', services: '1' }, {}), objects)).toEqual({
      pods: '2',
      cpu: '1100m',
      'count/pods': '3',
      services: '0',
    });
  });
});
