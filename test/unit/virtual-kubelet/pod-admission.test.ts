import { expect, test } from 'vitest';
import type { Node, Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { admitPod } from '@nodeless/virtual-kubelet/pod-admission';

const node: Node = {
  metadata: { name: 'n', labels: { disk: 'ssd', 'cpu-count': '4' } },
  spec: {
    taints: [
      { key: 'down', effect: 'NoExecute' },
      { key: 'soft', effect: 'NoSchedule' },
    ],
  },
  status: { allocatable: { cpu: '2', memory: '1Gi', pods: '3' } },
};
const tolerations = [{ operator: 'Exists' }];
const pod = (spec: Partial<PodSpec>, name = 'p'): Pod => ({
  metadata: { name },
  spec: { containers: [], tolerations, ...spec },
});
const asks = (requests: Record<string, string>) => ({ containers: [{ name: 'c', resources: { requests } }] });
const affinity = (operator: string, key: string, values?: string[]) => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key, operator, ...(values ? { values } : {}) }] }],
      },
    },
  },
});
const port = (hostPort: number, hostIP?: string, protocol = 'TCP') => ({
  containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, protocol, ...(hostIP ? { hostIP } : {}) }] }],
});

const cases: [string, Partial<PodSpec>, Partial<PodSpec>[], string | undefined][] = [
  ['nothing asked', {}, [], undefined],
  ['all of it', asks({ cpu: '2', memory: '1Gi' }), [], undefined],
  [
    'too much cpu',
    asks({ cpu: '1500m' }),
    [asks({ cpu: '600m' })],
    "OutOfcpu Node didn't have enough resource: cpu, requested: 1500, used: 600, capacity: 2000",
  ],
  [
    'too much memory',
    asks({ memory: '2Gi' }),
    [],
    "OutOfmemory Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824",
  ],
  [
    'a device it has not',
    asks({ 'example.com/gpu': '1' }),
    [],
    "OutOfexample.com/gpu Node didn't have enough resource: example.com/gpu, requested: 1, used: 0, capacity: 0",
  ],
  [
    'too many pods',
    {},
    [{}, {}, {}],
    "OutOfpods Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
  ],
  ['a selector that fits', { nodeSelector: { disk: 'ssd' } }, [], undefined],
  [
    'one that does not',
    { nodeSelector: { disk: 'hdd' } },
    [],
    "NodeAffinity Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  ],
  [
    'a selector by a name of Object',
    { nodeSelector: { constructor: 'x' } },
    [],
    "NodeAffinity Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  ],
  ['affinity In', affinity('In', 'disk', ['ssd', 'nvme']), [], undefined],
  [
    'affinity NotIn',
    affinity('NotIn', 'disk', ['ssd']),
    [],
    "NodeAffinity Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  ],
  ['affinity Exists', affinity('Exists', 'disk'), [], undefined],
  ['affinity DoesNotExist', affinity('DoesNotExist', 'gpu'), [], undefined],
  ['affinity Gt', affinity('Gt', 'cpu-count', ['3']), [], undefined],
  [
    'affinity Lt',
    affinity('Lt', 'cpu-count', ['4']),
    [],
    "NodeAffinity Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  ],
  [
    'a taint that evicts',
    { tolerations: [] },
    [],
    "TaintToleration Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
  ],
  ['tolerated by key', { tolerations: [{ key: 'down', effect: 'NoExecute' }] }, [], undefined],
  [
    'a taken port',
    port(80),
    [port(80)],
    "NodePorts Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
  ],
  ['the same port, another protocol', port(80), [port(80, undefined, 'UDP')], undefined],
  ['the same port, another address', port(80, '127.0.0.1'), [port(80, '10.0.0.1')], undefined],
  [
    'the same port, all addresses',
    port(80, '127.0.0.1'),
    [port(80, '0.0.0.0')],
    "NodePorts Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
  ],
];
test.each(cases)('%s', (_, spec, others, want) => {
  const refusal = admitPod(
    pod(spec),
    node,
    others.map((s, i) => pod(s, `o${i}`)),
  );
  expect(refusal && `${refusal.reason} ${refusal.message}`).toBe(want);
});
