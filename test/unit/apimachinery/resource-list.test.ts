import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import {
  addResources,
  equalResources,
  maxResources,
  podLimits,
  podRequests,
  subtractResources,
} from '@nodeless/apimachinery/resource-list';

const pod = (spec: Partial<PodSpec>, status?: Pod['status']): Pod => ({
  spec: { containers: [], ...spec },
  ...(status && { status }),
});
const container = (
  name: string,
  requests?: Record<string, string>,
  limits?: Record<string, string>,
  extra = {},
): PodSpec['containers'][number] => ({ name, resources: { requests, limits }, ...extra });
const sidecar = { restartPolicy: 'Always' };

it('sums, differences, maxima', () => {
  expect(addResources({ cpu: '500m', memory: '1Gi' }, { cpu: '1', pods: 2 })).toEqual({
    cpu: '1500m',
    memory: '1Gi',
    pods: '2',
  });
  expect(subtractResources({ cpu: '1' }, { cpu: '250m', memory: '1Ki' })).toEqual({ cpu: '750m', memory: '-1Ki' });
  expect(maxResources({ cpu: '500m', memory: '1Gi' }, { cpu: '0.6', memory: '1000Mi' })).toEqual({
    cpu: '600m',
    memory: '1Gi',
  });
  expect(addResources({ cpu: '1' }, undefined)).toEqual({ cpu: '1' });
  expect(equalResources({ cpu: '1000m' }, { cpu: 1 })).toBe(true);
  expect(equalResources({ cpu: '1' }, { cpu: '1', memory: '0' })).toBe(false);
});

describe('podRequests', () => {
  const table: { name: string; pod: Pod; options?: Parameters<typeof podRequests>[1]; want: Record<string, string> }[] =
    [
      {
        name: 'containers add up',
        pod: pod({
          containers: [container('a', { cpu: '100m', memory: '1Gi' }), container('b', { cpu: '1' }), container('c')],
        }),
        want: { cpu: '1100m', memory: '1Gi' },
      },
      {
        name: 'the largest init container counts when it is larger',
        pod: pod({
          containers: [container('a', { cpu: '1' })],
          initContainers: [container('i', { cpu: '3' }), container('j', { cpu: '2', memory: '1Gi' })],
        }),
        want: { cpu: '3', memory: '1Gi' },
      },
      {
        name: 'sidecars run beside containers and later init containers',
        pod: pod({
          containers: [container('a', { cpu: '1' })],
          initContainers: [
            container('i', { cpu: '4' }),
            container('s', { cpu: '2' }, undefined, sidecar),
            container('j', { cpu: '3' }),
          ],
        }),
        want: { cpu: '5' },
      },
      {
        name: 'overhead',
        pod: pod({ containers: [container('a', { cpu: '1' })], overhead: { cpu: '250m', memory: '1Mi' } }),
        want: { cpu: '1250m', memory: '1Mi' },
      },
      {
        name: 'without overhead',
        pod: pod({ containers: [container('a', { cpu: '1' })], overhead: { cpu: '250m' } }),
        options: { excludeOverhead: true },
        want: { cpu: '1' },
      },
      {
        name: 'pod level replaces what it names',
        pod: pod({
          containers: [container('a', { cpu: '1', memory: '1Gi' })],
          resources: { requests: { cpu: '5', 'example.com/x': '1' } },
          overhead: { cpu: '1' },
        }),
        want: { cpu: '6', memory: '1Gi' },
      },
      {
        name: 'pod level left out',
        pod: pod({ containers: [container('a', { cpu: '1' })], resources: { requests: { cpu: '5' } } }),
        options: { skipPodLevel: true },
        want: { cpu: '1' },
      },
      {
        name: 'what a container without a request counts',
        pod: pod({ containers: [container('a'), container('b', { cpu: '1' })] }),
        options: { nonMissing: { cpu: '100m', memory: '200Mi' } },
        want: { cpu: '1100m', memory: '400Mi' },
      },
      {
        name: 'granted resources during a resize',
        pod: pod(
          { containers: [container('a', { cpu: '1' })] },
          {
            containerStatuses: [
              {
                name: 'a',
                allocatedResources: { cpu: '2' },
                resources: { requests: { cpu: '1500m' } },
                ready: true,
                restartCount: 0,
                image: '',
                imageID: '',
              },
            ],
          },
        ),
        options: { useStatus: true },
        want: { cpu: '2' },
      },
      {
        name: 'a resize that cannot be does not count',
        pod: pod(
          { containers: [container('a', { cpu: '9' })] },
          {
            conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }],
            containerStatuses: [
              {
                name: 'a',
                allocatedResources: { cpu: '2' },
                resources: { requests: { cpu: '1' } },
                ready: true,
                restartCount: 0,
                image: '',
                imageID: '',
              },
            ],
          },
        ),
        options: { useStatus: true },
        want: { cpu: '2' },
      },
    ];
  it.each(table)('$name', ({ pod: given, options, want }) => expect(podRequests(given, options)).toEqual(want));
});

describe('podLimits', () => {
  it('overhead adds only to what is limited', () => {
    expect(
      podLimits(
        pod({
          containers: [container('a', {}, { cpu: '1' }), container('b')],
          overhead: { cpu: '250m', memory: '1Mi' },
        }),
      ),
    ).toEqual({ cpu: '1250m' });
  });
  it('sidecars and pod level', () => {
    const spec = {
      containers: [container('a', {}, { cpu: '1' })],
      initContainers: [container('s', {}, { cpu: '1' }, sidecar), container('i', {}, { cpu: '3' })],
      resources: { limits: { memory: '1Gi' } },
    };
    expect(podLimits(pod(spec))).toEqual({ cpu: '4', memory: '1Gi' });
  });
});
