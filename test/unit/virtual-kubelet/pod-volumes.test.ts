import { describe, expect, test } from 'vitest';
import type {
  ConfigMap,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
  Volume,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { referencesOf } from '@nodeless/virtual-kubelet/pod-references';
import { resolveVolumes } from '@nodeless/virtual-kubelet/pod-volumes';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const configMaps: Record<string, ConfigMap> = {
  cm: { data: { a: '1', b: '2' }, binaryData: { bin: Buffer.from([0, 255]).toString('base64') } },
  ca: { data: { 'ca.crt': 'CERT' } },
};
const secrets: Record<string, Secret> = { s: { data: { pw: base64('x') } } };
const claims: Record<string, PersistentVolumeClaim> = {
  bound: { spec: { volumeName: 'pv' }, status: { phase: 'Bound' } },
  pending: { status: { phase: 'Pending' } },
  nfs: { spec: { volumeName: 'nfs' }, status: { phase: 'Bound' } },
};
const persistent: Record<string, PersistentVolume> = {
  pv: { spec: { hostPath: { path: '/data', type: 'DirectoryOrCreate' } } },
  nfs: { spec: { nfs: { server: 's', path: '/' } } },
};
const references = {
  configMap: (name: string) => configMaps[name],
  secret: (name: string) => secrets[name],
  services: [],
  claim: (name: string) => claims[name],
  volume: (name: string) => persistent[name],
  token: (audience: string, seconds: number) => `token-${audience}-${seconds}`,
};

function resolve(volume: Volume) {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'ns', labels: { z: '1', a: 'say "hi"\n' } },
    spec: { containers: [{ name: 'c', resources: { limits: { memory: '64Mi' } } }], volumes: [volume] },
  };
  return resolveVolumes(pod, references, { hostIps: ['10.0.0.1'], allocatable: { memory: '1Gi' } });
}
function files(volume: Volume): Record<string, string> {
  const { volumes, problems } = resolve(volume);
  expect(problems).toEqual([]);
  const found = volumes[0];
  if (found?.kind !== 'files') throw new Error('not files');
  return Object.fromEntries(
    found.files.map((f) => [`${f.path} ${f.mode.toString(8)}`, Buffer.from(f.content).toString('latin1')]),
  );
}

describe('files', () => {
  const cases: [string, Volume, Record<string, string>][] = [
    ['a ConfigMap', { name: 'v', configMap: { name: 'cm' } }, { 'a 644': '1', 'b 644': '2', 'bin 644': '\u0000ÿ' }],
    [
      'items of it',
      {
        name: 'v',
        configMap: {
          name: 'cm',
          defaultMode: 0o400,
          items: [
            { key: 'a', path: 'deep/x' },
            { key: 'b', path: 'y', mode: 0o600 },
          ],
        },
      },
      { 'deep/x 400': '1', 'y 600': '2' },
    ],
    ['an optional one that is not there', { name: 'v', configMap: { name: 'nope', optional: true } }, {}],
    [
      'an optional key',
      {
        name: 'v',
        configMap: {
          name: 'cm',
          optional: true,
          items: [
            { key: 'nope', path: 'x' },
            { key: 'a', path: 'a' },
          ],
        },
      },
      { 'a 644': '1' },
    ],
    ['a Secret', { name: 'v', secret: { secretName: 's', defaultMode: 0o440 } }, { 'pw 440': 'x' }],
    [
      'the downward API',
      {
        name: 'v',
        downwardAPI: {
          items: [
            { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
            {
              path: 'mem',
              mode: 0o600,
              resourceFieldRef: { containerName: 'c', resource: 'limits.memory', divisor: '1Mi' },
            },
          ],
        },
      },
      { 'labels 644': 'a="say \\"hi\\"\\n"\nz="1"', 'mem 600': '64' },
    ],
    [
      'what the API server mounts into every pod',
      {
        name: 'v',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
            { configMap: { name: 'ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
          ],
        },
      },
      { 'token 644': 'token--3607', 'ca.crt 644': 'CERT', 'namespace 644': 'ns' },
    ],
    [
      'a later source over an earlier',
      {
        name: 'v',
        projected: {
          sources: [
            { configMap: { name: 'cm', items: [{ key: 'a', path: 'same' }] } },
            { secret: { name: 's', items: [{ key: 'pw', path: 'same' }] } },
          ],
        },
      },
      { 'same 644': 'x' },
    ],
  ];
  test.each(cases)('%s', (_, volume, want) => expect(files(volume)).toEqual(want));
});

describe('folders', () => {
  const cases: [string, Volume, object][] = [
    ['emptyDir', { name: 'v', emptyDir: {} }, { name: 'v', kind: 'emptyDir', medium: '' }],
    [
      'in memory, limited',
      { name: 'v', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'v', kind: 'emptyDir', medium: 'Memory', sizeLimitBytes: 1048576 },
    ],
    ['no source', { name: 'v' }, { name: 'v', kind: 'emptyDir', medium: '' }],
    [
      'hostPath',
      { name: 'v', hostPath: { path: '/x', type: 'File' } },
      { name: 'v', kind: 'hostPath', path: '/x', type: 'File' },
    ],
    [
      'a bound claim',
      { name: 'v', persistentVolumeClaim: { claimName: 'bound' } },
      { name: 'v', kind: 'hostPath', path: '/data', type: 'DirectoryOrCreate' },
    ],
  ];
  test.each(cases)('%s', (_, volume, want) => expect(resolve(volume)).toEqual({ volumes: [want], problems: [] }));
});

describe("problems, in the kubelet's words", () => {
  const cases: [string, Volume, string][] = [
    ['no ConfigMap', { name: 'v', configMap: { name: 'x' } }, 'configmap "x" not found'],
    ['no Secret', { name: 'v', secret: { secretName: 'x' } }, 'secret "x" not found'],
    [
      'no key',
      { name: 'v', configMap: { name: 'cm', items: [{ key: 'x', path: 'x' }] } },
      'configmap references non-existent config key: x',
    ],
    [
      'no secret key',
      { name: 'v', secret: { secretName: 's', items: [{ key: 'x', path: 'x' }] } },
      'references non-existent secret key: x',
    ],
    ['no claim', { name: 'v', persistentVolumeClaim: { claimName: 'x' } }, 'persistentvolumeclaim "x" not found'],
    ['an unbound claim', { name: 'v', persistentVolumeClaim: { claimName: 'pending' } }, 'PVC is not bound'],
    [
      'a volume that needs a driver',
      { name: 'v', persistentVolumeClaim: { claimName: 'nfs' } },
      'persistent volume "nfs" has a source that is not supported by this node',
    ],
    [
      'another source',
      { name: 'v', nfs: { server: 's', path: '/' } },
      'volume source "nfs" is not supported by this node',
    ],
  ];
  test.each(cases)('%s', (_, volume, text) => {
    const { volumes, problems } = resolve(volume);
    expect(volumes).toEqual([]);
    expect(problems).toEqual([{ volume: 'v', message: `MountVolume.SetUp failed for volume "v" : ${text}` }]);
  });
});

test('referencesOf finds every name once', () => {
  const found = referencesOf({
    spec: {
      imagePullSecrets: [{ name: 'pull' }],
      initContainers: [{ name: 'i', envFrom: [{ secretRef: { name: 's1' } }] }],
      containers: [
        {
          name: 'c',
          env: [
            { name: 'X', valueFrom: { configMapKeyRef: { name: 'c1', key: 'k' } } },
            { name: 'Y', valueFrom: { secretKeyRef: { name: 's1', key: 'k' } } },
          ],
        },
      ],
      volumes: [
        { name: 'a', configMap: { name: 'c2' } },
        { name: 'b', persistentVolumeClaim: { claimName: 'p' } },
        {
          name: 'd',
          projected: {
            sources: [{ secret: { name: 's2' } }, { serviceAccountToken: { path: 't', audience: 'vault' } }],
          },
        },
      ],
    },
  });
  expect([...found.configMaps]).toEqual(['c1', 'c2']);
  expect([...found.secrets]).toEqual(['s1', 's2']);
  expect([...found.claims]).toEqual(['p']);
  expect([...found.pullSecrets]).toEqual(['pull']);
  expect(found.tokens).toEqual([{ audience: 'vault', expirationSeconds: 3600 }]);
});
