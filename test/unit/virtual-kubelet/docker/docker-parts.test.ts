import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Container, Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type Docker from 'dockerode';
import { nextPodAddress, nodeAddress, podCidr } from '@nodeless/virtual-kubelet/providers/docker/addresses';
import { containerSpec } from '@nodeless/virtual-kubelet/providers/docker/container-spec';
import { engineError, engineMessage } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { createFrameReader } from '@nodeless/virtual-kubelet/providers/docker/frames';
import { hostPathPlace } from '@nodeless/virtual-kubelet/providers/docker/host-paths';
import { hostPortRules, parseHostPorts } from '@nodeless/virtual-kubelet/providers/docker/host-ports';
import { containerName, label, refFromLabels } from '@nodeless/virtual-kubelet/providers/docker/labels';
import { runtimeContainer, runtimePod, runtimeSandbox } from '@nodeless/virtual-kubelet/providers/docker/observe';
import { createPodAddresses } from '@nodeless/virtual-kubelet/providers/docker/pod-addresses';
import { fileVolumeEntries, resolvFile, versionName } from '@nodeless/virtual-kubelet/providers/docker/pod-files';
import { cpuQuota, cpuShares, engineResources, oomScore } from '@nodeless/virtual-kubelet/providers/docker/resources';
import { forbiddenSysctl, sandboxSpec } from '@nodeless/virtual-kubelet/providers/docker/sandbox';
import { engineSecurity } from '@nodeless/virtual-kubelet/providers/docker/security';
import { firstFile, packTar } from '@nodeless/virtual-kubelet/providers/docker/tar';
import { parseImageReference } from '@nodeless/virtual-kubelet/runtime/image-reference';
import { formatSeconds, nextRun, pullBackoff } from '@nodeless/virtual-kubelet/runtime/restart-backoff';

describe('tar', () => {
  test('is what tar reads', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nodeless-tar-'));
    try {
      const long = `${'d'.repeat(90)}/${'f'.repeat(90)}`;
      const archive = packTar([
        { type: 'directory', path: 'dir', mode: 0o750 },
        { type: 'file', path: 'dir/a', content: Buffer.from('hello'), mode: 0o640 },
        { type: 'file', path: 'dir/empty', content: Buffer.alloc(0), mode: 0o600 },
        { type: 'file', path: long, content: Buffer.alloc(513, 120), mode: 0o644 },
        { type: 'symlink', path: 'dir/link', target: 't'.repeat(120) },
        { type: 'file', path: 'ü ä', content: Buffer.from('utf8'), mode: 0o644 },
      ]);
      execFileSync('tar', ['-x', '-C', folder, '--no-same-owner', '-p'], { input: archive });
      expect(readFileSync(join(folder, 'dir/a'), 'utf8')).toBe('hello');
      expect(statSync(join(folder, 'dir/a')).mode & 0o777).toBe(0o640);
      expect(statSync(join(folder, 'dir')).mode & 0o777).toBe(0o750);
      expect(readFileSync(join(folder, 'dir/empty')).length).toBe(0);
      expect(readFileSync(join(folder, long), 'utf8')).toBe('x'.repeat(513));
      expect(readlinkSync(join(folder, 'dir/link'))).toBe('t'.repeat(120));
      expect(readFileSync(join(folder, 'ü ä'), 'utf8')).toBe('utf8');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('one file is read back', () => {
    expect(
      firstFile(
        packTar([
          { type: 'directory', path: 'd', mode: 0o755 },
          { type: 'file', path: 'd/f', content: Buffer.from('text'), mode: 0o644 },
        ]),
      )?.toString(),
    ).toBe('text');
    expect(firstFile(packTar([{ type: 'directory', path: 'd', mode: 0o755 }]))).toBeUndefined();
    expect(firstFile(Buffer.alloc(0))).toBeUndefined();
  });
});

test('multiplexed output is split however it is cut', () => {
  const frame = (stream: number, text: string): Buffer => {
    const header = Buffer.alloc(8);
    header[0] = stream;
    header.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };
  const whole = Buffer.concat([frame(1, 'out'), frame(2, 'error'), frame(1, ''), frame(1, 'put')]);
  for (const size of [1, 2, 3, 7, 8, 9, 1000]) {
    const seen = { stdout: '', stderr: '' };
    const read = createFrameReader((stream, data) => (seen[stream] += data.toString()));
    for (let at = 0; at < whole.length; at += size) read(whole.subarray(at, at + size));
    expect(seen).toEqual({ stdout: 'output', stderr: 'error' });
  }
});

describe('addresses', () => {
  test('of nodes and their pods', () => {
    expect(nodeAddress('10.244.0.0/16', 0)).toBe('10.244.0.10');
    expect(podCidr('10.244.0.0/16', 1)).toBe('10.244.2.0/24');
    expect(nextPodAddress('10.244.0.0/16', 0, new Set(), undefined)).toBe('10.244.1.2');
    expect(nextPodAddress('10.244.0.0/16', 0, new Set(), '10.244.1.2')).toBe('10.244.1.3');
    expect(nextPodAddress('10.244.0.0/16', 0, new Set(['10.244.1.2']), '10.244.1.254')).toBe('10.244.1.3');
    const all = new Set(Array.from({ length: 253 }, (_, i) => `10.244.1.${i + 2}`));
    expect(nextPodAddress('10.244.0.0/16', 0, all, undefined)).toBeUndefined();
  });

  test('stay with their pod, and with those of an earlier process', async () => {
    const addresses = createPodAddresses({
      subnet: async () => '10.244.0.0/16',
      inUse: async () => new Map([['old', '10.244.1.2']]),
    });
    expect(await addresses.take('a', 0)).toBe('10.244.1.3');
    expect(await addresses.take('a', 0)).toBe('10.244.1.3');
    expect(await addresses.take('old', 0)).toBe('10.244.1.2');
    const [b, c] = await Promise.all([addresses.take('b', 0), addresses.take('c', 0)]);
    expect(new Set([b, c]).size).toBe(2);
    addresses.refuse('a', '10.244.1.3');
    expect(await addresses.take('a', 0)).not.toBe('10.244.1.3');
    addresses.release('old');
    expect(await addresses.take('other', 1)).toBe('10.244.2.2');
  });
});

describe('image names', () => {
  const good: [string, object][] = [
    ['busybox', { registry: 'docker.io', repository: 'library/busybox', tag: undefined, name: 'busybox:latest' }],
    ['me/app:1.2', { registry: 'docker.io', repository: 'me/app', tag: '1.2', name: 'me/app:1.2' }],
    ['ghcr.io/a/b/c', { registry: 'ghcr.io', repository: 'a/b/c', name: 'ghcr.io/a/b/c:latest' }],
    ['localhost:5000/x', { registry: 'localhost:5000', repository: 'x', name: 'localhost:5000/x:latest' }],
    [
      `x@sha256:${'a'.repeat(64)}`,
      { repository: 'library/x', digest: `sha256:${'a'.repeat(64)}`, name: `x@sha256:${'a'.repeat(64)}` },
    ],
    ['a_b/c--d__e.f', { repository: 'a_b/c--d__e.f' }],
  ];
  test.each(good)('%s', (text, want) => expect(parseImageReference(text)).toMatchObject(want));
  test.each(['', 'A', 'a b', 'a:', 'a:b c', 'a//b', 'a@sha256:xyz', '/a', 'a/', 'a..b', 'exa_mple.com/a'])(
    'not one: %j',
    (text) => expect(parseImageReference(text)).toBeUndefined(),
  );
});

test('waits between restarts and pulls', () => {
  const ended = { backoffMs: 20_000, createdAt: 0, finishedAt: 5_000 };
  expect(nextRun(ended, 6_000)).toEqual({ startAt: 25_000, waitMs: 20_000, backoffMs: 40_000 });
  expect(nextRun({ ...ended, backoffMs: 300_000 }, 6_000).backoffMs).toBe(300_000);
  expect(nextRun(ended, 600_001)).toEqual({ startAt: 5_000, waitMs: 0, backoffMs: 10_000 });
  expect([1, 2, 5, 6, 99].map(pullBackoff)).toEqual([10_000, 20_000, 160_000, 300_000, 300_000]);
  expect([10_000, 60_000, 80_000, 300_000, 3_700_000].map(formatSeconds)).toEqual([
    '10s',
    '1m0s',
    '1m20s',
    '5m0s',
    '1h1m40s',
  ]);
});

describe('files of a pod', () => {
  const files = [
    { path: 'a', content: Buffer.from('1'), mode: 0o400 },
    { path: 'deep/b', content: Buffer.from('2'), mode: 0o644 },
  ];
  test('a version is named by its content', () => {
    expect(versionName(files)).toBe(versionName(structuredClone(files)));
    expect(versionName(files)).not.toBe(versionName([{ ...files[0]!, mode: 0o600 }, files[1]!]));
    expect(versionName(files)).toMatch(/^\.\.v_[0-9a-f]{16}$/);
  });
  test('laid out with links for a new pod, without for one that runs', () => {
    const version = versionName(files);
    const paths = (withLinks: boolean) =>
      fileVolumeEntries('v', files, undefined, withLinks).map(
        (e) => `${e.type} ${e.path}${e.type === 'symlink' ? ` -> ${e.target}` : ` ${e.mode.toString(8)}`}`,
      );
    const tree = [
      'directory v 777',
      `directory v/${version} 755`,
      `file v/${version}/a 400`,
      `directory v/${version}/deep 755`,
      `file v/${version}/deep/b 644`,
    ];
    expect(paths(false)).toEqual(tree);
    expect(paths(true)).toEqual([
      ...tree,
      `symlink v/..data -> ${version}`,
      'symlink v/a -> ..data/a',
      'symlink v/deep -> ..data/deep',
    ]);
  });
  test("readable for the pod's group", () => {
    expect(
      fileVolumeEntries('v', files, 2000, false).map((e) =>
        e.type === 'symlink' ? '' : `${e.mode.toString(8)} ${e.gid}`,
      ),
    ).toEqual(['2777 2000', '2755 2000', '440 2000', '2755 2000', '644 2000']);
  });
  test.each(['../x', '/etc/passwd', 'a/../../b', '..', ''])('a path that leads outside is refused: %j', (path) => {
    expect(() => fileVolumeEntries('v', [{ path, content: Buffer.alloc(0), mode: 0o644 }], undefined, true)).toThrow(
      'leads outside',
    );
  });
  test('resolv.conf', () => {
    expect(
      resolvFile({ nameservers: ['1.1.1.1', '2.2.2.2'], searches: ['a', 'b'], options: ['ndots:5', 'edns0'] }),
    ).toBe('search a b\nnameserver 1.1.1.1\nnameserver 2.2.2.2\noptions ndots:5 edns0\n');
    expect(resolvFile({ nameservers: ['1.1.1.1'], searches: [], options: [] })).toBe('nameserver 1.1.1.1\n');
  });
});

test.each([
  ['/data/x', { enginePath: '/vol/host/data/x', nodePath: 'host/data/x' }],
  ['/', { enginePath: '/vol/host', nodePath: 'host/' }],
  ['/proc', { enginePath: '/proc', nodePath: undefined }],
  ['/dev/null', { enginePath: '/dev/null', nodePath: undefined }],
  ['/device', { enginePath: '/vol/host/device', nodePath: 'host/device' }],
  ['/src/app', { enginePath: '/home/me/src/app', nodePath: undefined }],
])('hostPath %s', (path, want) =>
  expect(hostPathPlace({ name: 'v', kind: 'hostPath', path, type: '' }, '/vol', { '/src': '/home/me/src' })).toEqual(
    want,
  ),
);
test('a hostPath that climbs is refused', () =>
  expect(() => hostPathPlace({ name: 'v', kind: 'hostPath', path: '/a/../b', type: '' }, '/vol', {})).toThrow(
    "must not contain '..'",
  ));

describe('resources', () => {
  test('cpu', () => {
    expect([0, 1, 100, 1000, 500_000].map(cpuShares)).toEqual([2, 2, 102, 1024, 262_144]);
    expect([0, 1, 500, 2000].map(cpuQuota)).toEqual([0, 1000, 50_000, 200_000]);
  });
  test('of a container', () => {
    expect(engineResources({ name: 'c' })).toEqual({ CpuShares: 2 });
    expect(engineResources({ name: 'c', resources: { limits: { cpu: '1', memory: '1Gi' } } })).toEqual({
      CpuShares: 1024,
      CpuQuota: 100_000,
      CpuPeriod: 100_000,
      Memory: 2 ** 30,
      MemorySwap: 2 ** 30,
    });
  });
  const gib = 2 ** 30;
  const scores: [string, Container, number][] = [
    ['Guaranteed', { name: 'c', resources: { limits: { cpu: '1', memory: '1Gi' } } }, -997],
    ['BestEffort', { name: 'c' }, 1000],
    ['Burstable, a tenth', { name: 'c', resources: { requests: { memory: '1Gi' } } }, 900],
    ['Burstable, next to nothing', { name: 'c', resources: { requests: { memory: '1' } } }, 999],
    ['Burstable, all', { name: 'c', resources: { requests: { memory: '10Gi' } } }, 3],
  ];
  test.each(scores)('out of memory: %s', (_, container, want) =>
    expect(oomScore({ spec: { containers: [container] } }, container, 10 * gib)).toBe(want),
  );
});

describe('security', () => {
  const of = (own: Container['securityContext'], shared: PodSpec['securityContext'] = {}, imageUser = '') =>
    engineSecurity(
      { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { securityContext: shared, containers: [] } },
      { name: 'c', securityContext: own },
      imageUser,
    );
  const users: [string, Parameters<typeof of>, string | undefined][] = [
    ["the image's", [{}], undefined],
    ['a user', [{ runAsUser: 5 }], '5'],
    ['user and group', [{ runAsUser: 5, runAsGroup: 6 }], '5:6'],
    ["a group for the image's user", [{ runAsGroup: 6 }, {}, 'web:web'], 'web:6'],
    ["the pod's", [{}, { runAsUser: 7 }], '7'],
    ["its own over the pod's", [{ runAsUser: 8 }, { runAsUser: 7, runAsGroup: 9 }], '8:9'],
  ];
  test.each(users)('user: %s', (_, given, want) => expect(of(...given).User).toBe(want));
  const refused: [string, Parameters<typeof of>, string][] = [
    [
      'root by the image',
      [{ runAsNonRoot: true }],
      'container has runAsNonRoot and image will run as root (pod: "p_n(u)", container: c)',
    ],
    [
      'root by the image, written',
      [{ runAsNonRoot: true }, {}, '0:0'],
      'container has runAsNonRoot and image will run as root (pod: "p_n(u)", container: c)',
    ],
    [
      'a name',
      [{}, { runAsNonRoot: true }, 'www'],
      'container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root (pod: "p_n(u)", container: c)',
    ],
    [
      'root by the pod',
      [{ runAsNonRoot: true, runAsUser: 0 }],
      'container\'s runAsUser breaks non-root policy (pod: "p_n(u)", container: c)',
    ],
  ];
  test.each(refused)('runAsNonRoot: %s', (_, given, message) => expect(() => of(...given)).toThrow(message));
  test('runAsNonRoot: a number', () => expect(of({ runAsNonRoot: true }, {}, '1000').User).toBeUndefined());
  test('the rest', () => {
    expect(
      of(
        {
          privileged: true,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { add: ['A'], drop: ['ALL'] },
          procMount: 'Unmasked',
        },
        { supplementalGroups: [1, 2], fsGroup: 2, seccompProfile: { type: 'RuntimeDefault' } },
      ),
    ).toEqual({
      GroupAdd: ['1', '2'],
      Privileged: true,
      ReadonlyRootfs: true,
      CapAdd: ['A'],
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      MaskedPaths: [],
      ReadonlyPaths: [],
    });
    expect(of({}).SecurityOpt).toEqual(['seccomp=unconfined']);
    expect(() => of({ seccompProfile: { type: 'Localhost', localhostProfile: 'x' } })).toThrow('not supported');
  });
});

describe('what the engine is asked for', () => {
  const pod: Pod = { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { nodeName: 'node-1', containers: [] } };
  const resolved = (spec: Partial<PodSpec> = {}) => ({
    pod: { ...pod, spec: { ...pod.spec, containers: [], ...spec } },
    containers: {},
    volumes: [],
    dns: { nameservers: [], searches: [], options: [] },
    hostname: 'h',
    hostAliases: [],
    pullSecrets: [],
    nodeAddresses: [],
  });
  const start = (container: Partial<Container>, spec: Partial<PodSpec> = {}, command?: string[], args?: string[]) =>
    containerSpec(
      {
        pod: resolved(spec),
        container: { name: 'c', image: 'img', ...container },
        resolved: { name: 'c', env: [{ name: 'IP', value: '<\u0000podIP\u0000>' }], command, args },
        kind: 'init',
        attempt: 2,
        backoffMs: 10_000,
        specHash: 'hash',
        sandbox: { id: 'sb', attempt: 0, ready: true, createdAt: 0, podIps: ['10.0.0.1'] },
        image: { id: 'sha256:1', reference: 'r', sizeBytes: 1, user: '' },
      },
      {
        cluster: 'c1',
        nodeName: 'node-1',
        machineMemory: 1,
        protectsFromOom: false,
        binds: ['/a:/b:ro'],
        terminationFile: 'pods/u/containers/c/2',
      },
    );

  test('a container in its sandbox', () => {
    const spec = start({ tty: true, stdin: true, workingDir: '/w', lifecycle: { stopSignal: 'SIGUSR1' } });
    expect(spec).toMatchObject({
      name: 'nodeless-c1.n.p.c.2.u',
      Image: 'img:latest',
      Env: ['IP=<10.0.0.1>'],
      Tty: true,
      OpenStdin: true,
      WorkingDir: '/w',
      StopSignal: 'SIGUSR1',
      Healthcheck: { Test: ['NONE'] },
      Labels: {
        [label.cluster]: 'c1',
        [label.role]: 'container',
        [label.uid]: 'u',
        [label.kind]: 'init',
        [label.attempt]: '2',
        [label.backoff]: '10000',
        [label.specHash]: 'hash',
        [label.sandbox]: 'sb',
        [label.terminationFile]: 'pods/u/containers/c/2',
      },
      HostConfig: { NetworkMode: 'container:sb', IpcMode: 'container:sb', Binds: ['/a:/b:ro'], OomScoreAdj: 1000 },
    });
    expect(spec.HostConfig).not.toHaveProperty('PidMode');
    expect(spec).not.toHaveProperty('Entrypoint');
    expect(spec).not.toHaveProperty('Cmd');
  });
  test('command and arguments', () => {
    expect(start({}, {}, ['run'])).toMatchObject({ Entrypoint: ['run'], Cmd: [] });
    expect(start({}, {}, undefined, ['x'])).toMatchObject({ Cmd: ['x'] });
    expect(start({}, {}, undefined, ['x'])).not.toHaveProperty('Entrypoint');
  });
  test('shared and host namespaces', () => {
    expect(start({}, { shareProcessNamespace: true }).HostConfig).toMatchObject({ PidMode: 'container:sb' });
    expect(start({}, { hostPID: true, hostIPC: true }).HostConfig).toMatchObject({ PidMode: 'host', IpcMode: 'host' });
  });

  const context = {
    cluster: 'c1',
    nodeName: 'node-1',
    image: 'helper',
    network: 'net',
    helperId: 'hid',
    attempt: 1,
    podIps: ['10.0.0.1'],
    binds: [],
  };
  test('a sandbox with its address', () => {
    const ports = {
      containers: [
        { name: 'c', ports: [{ containerPort: 80, hostPort: 8080, hostIP: '127.0.0.1' }, { containerPort: 81 }] },
      ],
    };
    expect(sandboxSpec(resolved(ports), context)).toMatchObject({
      Hostname: 'h',
      Image: 'helper',
      Labels: {
        [label.addresses]: '10.0.0.1',
        [label.hostPorts]: '[{"hostIp":"127.0.0.1","hostPort":8080,"port":80,"protocol":"tcp"}]',
      },
      HostConfig: { NetworkMode: 'net', IpcMode: 'shareable', CapDrop: ['ALL'] },
      NetworkingConfig: { EndpointsConfig: { net: { IPAMConfig: { IPv4Address: '10.0.0.1' } } } },
    });
  });
  test("a sandbox on the node's network", () => {
    const spec = sandboxSpec(
      resolved({ hostNetwork: true, containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80 }] }] }),
      context,
    );
    expect(spec).toMatchObject({ HostConfig: { NetworkMode: 'container:hid' }, Labels: { [label.hostPorts]: '[]' } });
    expect(spec).not.toHaveProperty('Hostname');
    expect(spec).not.toHaveProperty('NetworkingConfig');
  });
  test('only sysctls of the pod itself', () => {
    const sysctls = (name: string): Pod => ({
      spec: { containers: [], securityContext: { sysctls: [{ name, value: '1' }] } },
    });
    expect(forbiddenSysctl(sysctls('net.ipv4.tcp_syncookies'))).toBeUndefined();
    expect(forbiddenSysctl(sysctls('net/ipv4/tcp_syncookies'))).toBeUndefined();
    expect(forbiddenSysctl(sysctls('kernel.msgmax'))).toBe('kernel.msgmax');
  });
});

describe('host ports', () => {
  test('as rules, particular addresses first', () => {
    const rules = hostPortRules([
      { hostIp: '', hostPort: 80, port: 8080, protocol: 'tcp', podIp: '10.0.0.1' },
      { hostIp: '127.0.0.1', hostPort: 80, port: 81, protocol: 'tcp', podIp: '10.0.0.2' },
      { hostIp: '10.1.1.1', hostPort: 80, port: 53, protocol: 'udp', podIp: '10.0.0.3' },
    ]);
    const lines = rules
      .split('\n')
      .filter((line) => line.includes('dnat'))
      .slice(0, 3)
      .map((line) => line.trim());
    expect(lines).toEqual([
      'ip daddr 127.0.0.1 tcp dport 80 ct mark set 0x6e6f6465 dnat to 10.0.0.2:81',
      'ip daddr 10.1.1.1 udp dport 80 ct mark set 0x6e6f6465 dnat to 10.0.0.3:53',
      'fib daddr type local tcp dport 80 ct mark set 0x6e6f6465 dnat to 10.0.0.1:8080',
    ]);
    expect(rules.startsWith('table ip nodeless_hostports\ndelete table ip nodeless_hostports\n')).toBe(true);
  });
  test('from a label that may be anything', () => {
    expect(parseHostPorts(undefined)).toEqual([]);
    expect(parseHostPorts('{')).toEqual([]);
    expect(parseHostPorts('{}')).toEqual([]);
    expect(parseHostPorts('[{"hostPort":1}]')).toEqual([{ hostPort: 1 }]);
  });
});

describe('what the engine tells', () => {
  const info = (
    state: Partial<Docker.ContainerInspectInfo['State']>,
    labels: Record<string, string> = {},
  ): Docker.ContainerInspectInfo =>
    ({
      Id: 'id',
      Created: '2030-01-01T00:00:00.123456789Z',
      Image: 'sha256:1',
      Config: {
        Image: 'img:1',
        Labels: {
          [label.container]: 'c',
          [label.kind]: 'init',
          [label.attempt]: '3',
          [label.sandbox]: 'sb',
          [label.backoff]: '20000',
          [label.namespace]: 'n',
          [label.pod]: 'p',
          [label.uid]: 'u',
          [label.node]: 'node-1',
          ...labels,
        },
      },
      State: {
        Status: 'running',
        Running: true,
        ExitCode: 0,
        Error: '',
        OOMKilled: false,
        StartedAt: '2030-01-01T00:00:01.5Z',
        FinishedAt: '0001-01-01T00:00:00Z',
        ...state,
      },
    }) as unknown as Docker.ContainerInspectInfo;
  const read = (state: Partial<Docker.ContainerInspectInfo['State']>) =>
    runtimeContainer(info(state), { imageReference: 'img@sha256:9', message: 'm' });
  const at = Date.UTC(2030, 0, 1);

  test('running', () => {
    expect(read({})).toMatchObject({
      id: 'id',
      name: 'c',
      kind: 'init',
      attempt: 3,
      sandboxId: 'sb',
      backoffMs: 20_000,
      state: 'running',
      createdAt: at + 123,
      startedAt: at + 1_500,
      finishedAt: 0,
      image: 'img:1',
      imageId: 'img@sha256:9',
    });
  });
  test('ended', () => {
    expect(
      read({ Status: 'exited', Running: false, ExitCode: 137, OOMKilled: true, FinishedAt: '2030-01-01T00:00:02Z' }),
    ).toMatchObject({ state: 'exited', exitCode: 137, oomKilled: true, finishedAt: at + 2_000, startError: '' });
  });
  test('made, and not to be started', () => {
    expect(read({ Status: 'created', Running: false, StartedAt: '0001-01-01T00:00:00Z' })).toMatchObject({
      state: 'created',
      startedAt: 0,
    });
    expect(
      read({
        Status: 'created',
        Running: false,
        Error: 'exec: not found',
        ExitCode: 127,
        StartedAt: '0001-01-01T00:00:00Z',
      }),
    ).toMatchObject({ state: 'exited', exitCode: 128, startError: 'exec: not found', finishedAt: at + 123 });
  });
  test('a pod is its newest sandbox and all its containers', () => {
    const old = runtimeSandbox(info({ Running: false }, { [label.attempt]: '0', [label.addresses]: '10.0.0.1' }));
    const current = runtimeSandbox(info({}, { [label.attempt]: '1', [label.addresses]: '10.0.0.2,fd00::2' }));
    expect(runtimePod([old, current], [], info({}).Config.Labels)).toMatchObject({
      ref: { namespace: 'n', name: 'p', uid: 'u' },
      nodeName: 'node-1',
      sandbox: { attempt: 1, ready: true, podIps: ['10.0.0.2', 'fd00::2'] },
    });
    expect(runtimePod([], [], {})).toBeUndefined();
    expect(refFromLabels({ [label.pod]: 'p' })).toBeUndefined();
    expect(containerName('x', { namespace: 'n', name: 'p', uid: 'u' }, 'c', 0)).toBe('nodeless-x.n.p.c.0.u');
  });
  test('errors', () => {
    const answered = Object.assign(new Error('(HTTP code 404) no such container - No such container: x '), {
      statusCode: 404,
      json: { message: 'No such container: x' },
    });
    expect(engineMessage(answered)).toBe('No such container: x');
    expect(engineError(answered)).toMatchObject({ code: 'not-found' });
    expect(
      engineError(
        Object.assign(new Error('(HTTP code 500) server error - boom '), { statusCode: 500 }),
        'RunContainerError',
      ),
    ).toMatchObject({ code: 'invalid', reason: 'RunContainerError', message: 'boom' });
    expect(engineError(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))).toMatchObject({
      code: 'unavailable',
      message: 'Docker does not answer: connect ECONNREFUSED',
    });
    expect(engineError(new Error('socket hang up'))).toMatchObject({ code: 'unavailable' });
  });
});
