import { describe, expect, test } from 'vitest';
import type {
  ConfigMap,
  Container,
  EnvVar,
  Pod,
  Secret,
  Service,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { podIpMarker } from '@nodeless/virtual-kubelet/late-binding';
import { resolveContainer } from '@nodeless/virtual-kubelet/pod-environment';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const configMaps: Record<string, ConfigMap> = { cm: { data: { k1: 'v1', 'k.2': 'v2', 'a=b': 'never' } } };
const secrets: Record<string, Secret> = { s: { data: { pw: base64('geheim'), __proto__x: base64('p') } } };
const service = (name: string, namespace: string, clusterIP: string, ports: object[]): Service => ({
  metadata: { name, namespace },
  spec: { clusterIP, ports: ports as never },
});
const services = [
  service('kubernetes', 'default', '10.96.0.1', [{ name: 'https', port: 443 }]),
  service('redis-master', 'ns', '10.96.0.9', [{ port: 6379 }, { name: 'udp-x', port: 53, protocol: 'UDP' }]),
  service('headless', 'ns', 'None', [{ port: 1 }]),
  service('other', 'elsewhere', '10.96.0.7', [{ port: 1 }]),
];
const references = { configMap: (name: string) => configMaps[name], secret: (name: string) => secrets[name], services };
const node = { hostIps: ['10.0.0.5', 'fd00::5'], allocatable: { cpu: '4', memory: '8Gi' } };

function resolve(container: Partial<Container>, pod: Partial<Pod['spec']> = {}) {
  const c: Container = { name: 'app', ...container };
  const of: Pod = {
    metadata: {
      name: 'p',
      namespace: 'ns',
      uid: 'u',
      labels: { app: 'web', 'b/c': 'say "hi"' },
      annotations: { n: '1' },
    },
    spec: {
      nodeName: 'node-1',
      serviceAccountName: 'sa',
      containers: [c, { name: 'side', resources: { limits: { memory: '1Gi' } } }],
      ...pod,
    } as Pod['spec'],
  };
  const resolved = resolveContainer(of, c, references, node);
  return { ...resolved, map: Object.fromEntries(resolved.env.map((e) => [e.name, e.value])) };
}
const env = (...list: EnvVar[]) => resolve({ env: list });

describe('sources', () => {
  const cases: [string, EnvVar, string][] = [
    ['literal', { name: 'X', value: 'y' }, 'y'],
    ['nothing', { name: 'X' }, ''],
    ['a ConfigMap key', { name: 'X', valueFrom: { configMapKeyRef: { name: 'cm', key: 'k1' } } }, 'v1'],
    ['a Secret key', { name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'pw' } } }, 'geheim'],
    ['metadata.name', { name: 'X', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }, 'p'],
    ['metadata.uid', { name: 'X', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } }, 'u'],
    ['a label', { name: 'X', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } }, 'web'],
    ['an absent label', { name: 'X', valueFrom: { fieldRef: { fieldPath: "metadata.labels['toString']" } } }, ''],
    ['an annotation', { name: 'X', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['n']" } } }, '1'],
    ['the node', { name: 'X', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }, 'node-1'],
    ['the account', { name: 'X', valueFrom: { fieldRef: { fieldPath: 'spec.serviceAccountName' } } }, 'sa'],
    ['the host', { name: 'X', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }, '10.0.0.5'],
    ['all host addresses', { name: 'X', valueFrom: { fieldRef: { fieldPath: 'status.hostIPs' } } }, '10.0.0.5,fd00::5'],
    [
      'the pod address, which comes later',
      { name: 'X', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      podIpMarker,
    ],
    [
      'cpu limit without one: the node',
      { name: 'X', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      '4',
    ],
    [
      'cpu in millis',
      { name: 'X', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
      '4000',
    ],
    [
      'memory of another container',
      {
        name: 'X',
        valueFrom: { resourceFieldRef: { containerName: 'side', resource: 'limits.memory', divisor: '1Mi' } },
      },
      '1024',
    ],
    ['a request that is not made', { name: 'X', valueFrom: { resourceFieldRef: { resource: 'requests.cpu' } } }, '0'],
  ];
  test.each(cases)('%s', (_, variable, want) => expect(env(variable).map['X']).toBe(want));

  test('resources are rounded up to whole divisors', () => {
    const { map } = resolve({
      resources: { limits: { cpu: '250m', memory: '100M' } },
      env: [
        { name: 'C', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'M', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      ],
    });
    expect(map).toMatchObject({ C: '1', M: '96' });
  });
});

describe('what is missing', () => {
  const cases: [string, Partial<Container>, string][] = [
    [
      'a ConfigMap',
      { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'x', key: 'k' } } }] },
      'configmap "x" not found',
    ],
    [
      'a Secret',
      { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'x', key: 'k' } } }] },
      'secret "x" not found',
    ],
    [
      'a key',
      { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'cm', key: 'k' } } }] },
      "couldn't find key k in ConfigMap ns/cm",
    ],
    [
      'a secret key',
      { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'constructor' } } }] },
      "couldn't find key constructor in Secret ns/s",
    ],
    ['a whole ConfigMap', { envFrom: [{ configMapRef: { name: 'x' } }] }, 'configmap "x" not found'],
  ];
  test.each(cases)('%s', (_, container, message) =>
    expect(resolve(container).error).toEqual({ reason: 'CreateContainerConfigError', message }),
  );

  test('what is optional is left out', () => {
    const { error, map } = resolve({
      envFrom: [{ configMapRef: { name: 'x', optional: true } }, { secretRef: { name: 'x', optional: true } }],
      env: [
        { name: 'X', valueFrom: { configMapKeyRef: { name: 'cm', key: 'k', optional: true } } },
        { name: 'Y', valueFrom: { secretKeyRef: { name: 'x', key: 'k', optional: true } } },
      ],
    });
    expect(error).toBeUndefined();
    expect(map).not.toHaveProperty('X');
    expect(map).not.toHaveProperty('Y');
  });
});

describe('order', () => {
  test('envFrom first, env over it, Services last', () => {
    const { env: list } = resolve({
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'cm' } }, { secretRef: { name: 's' } }],
      env: [
        { name: 'pw', value: 'mine' },
        { name: 'REDIS_MASTER_SERVICE_HOST', value: 'me' },
      ],
    });
    const names = list.map((e) => e.name);
    expect(names.slice(0, 4)).toEqual(['P_k.2', 'P_k1', '__proto__x', 'pw']);
    expect(Object.fromEntries(list.map((e) => [e.name, e.value]))).toMatchObject({
      pw: 'mine',
      REDIS_MASTER_SERVICE_HOST: 'me',
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
    });
    expect(names.indexOf('KUBERNETES_SERVICE_HOST')).toBeGreaterThan(names.indexOf('REDIS_MASTER_SERVICE_HOST'));
  });

  test('references see what stands before them, and the Services', () => {
    const { map, command, args } = resolve({
      env: [
        { name: 'LATE', value: '$(EARLY)' },
        { name: 'EARLY', value: 'e' },
        { name: 'URL', value: 'redis://$(REDIS_MASTER_SERVICE_HOST)/$(EARLY)/$$(EARLY)' },
      ],
      command: ['run', '$(URL)'],
      args: ['$(NOPE)', '$(EARLY)'],
    });
    expect(map).toMatchObject({ LATE: '$(EARLY)', URL: 'redis://10.96.0.9/e/$(EARLY)' });
    expect(command).toEqual(['run', 'redis://10.96.0.9/e/$(EARLY)']);
    expect(args).toEqual(['$(NOPE)', 'e']);
  });

  test("the image's own command is left alone", () => {
    const { command, args } = resolve({ args: [] });
    expect(command).toBeUndefined();
    expect(args).toBeUndefined();
  });
});

describe('Services', () => {
  test('give the variables of Docker links', () => {
    expect(env().map).toEqual({
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_PORT: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
      KUBERNETES_PORT_443_TCP_PORT: '443',
      KUBERNETES_PORT_443_TCP_ADDR: '10.96.0.1',
      REDIS_MASTER_SERVICE_HOST: '10.96.0.9',
      REDIS_MASTER_SERVICE_PORT: '6379',
      REDIS_MASTER_SERVICE_PORT_UDP_X: '53',
      REDIS_MASTER_PORT: 'tcp://10.96.0.9:6379',
      REDIS_MASTER_PORT_6379_TCP: 'tcp://10.96.0.9:6379',
      REDIS_MASTER_PORT_6379_TCP_PROTO: 'tcp',
      REDIS_MASTER_PORT_6379_TCP_PORT: '6379',
      REDIS_MASTER_PORT_6379_TCP_ADDR: '10.96.0.9',
      REDIS_MASTER_PORT_53_UDP: 'udp://10.96.0.9:53',
      REDIS_MASTER_PORT_53_UDP_PROTO: 'udp',
      REDIS_MASTER_PORT_53_UDP_PORT: '53',
      REDIS_MASTER_PORT_53_UDP_ADDR: '10.96.0.9',
    });
  });

  test('only kubernetes where links are not wanted', () => {
    const { map } = resolve({}, { enableServiceLinks: false });
    expect(Object.keys(map).filter((name) => name.startsWith('REDIS'))).toEqual([]);
    expect(map['KUBERNETES_SERVICE_HOST']).toBe('10.96.0.1');
  });
});
