import { PassThrough, type Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Container, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type {
  ExecIo,
  LogOptions,
  ObservedContainer,
  ObservedPod,
  PodEvent,
  PodRef,
  ResolvedPod,
  ResolvedVolume,
} from '@nodeless/virtual-kubelet/providers/provider';
import { createTestCluster, dockerProblem, image, type TestCluster } from './docker-engine.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

const problem = await dockerProblem();
const patienceMs = 20_000;

describe.skipIf(problem !== undefined)(`pods on Docker${problem ? ` (${problem})` : ''}`, () => {
  let cluster: TestCluster;
  const events: PodEvent[] = [];
  let sequence = 0;

  beforeAll(async () => {
    cluster = await createTestCluster();
    await cluster.provider.nodes();
    cluster.provider.subscribe?.(
      () => {},
      (event) => void events.push(event),
    );
  }, 60_000);
  afterAll(() => cluster?.dispose(), 60_000);

  const sh = (name: string, script: string, more: Partial<Container> = {}): Container => ({
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', script],
    ...more,
  });
  const forever = 'trap "exit 0" TERM; while :; do sleep 0.1; done';

  function aPod(
    containers: Container[],
    spec: Partial<PodSpec> = {},
    more: Partial<ResolvedPod> = {},
    env: Record<string, string> = {},
  ): ResolvedPod {
    const n = ++sequence;
    const all = [...containers, ...(spec.initContainers ?? [])];
    return {
      pod: {
        metadata: {
          namespace: 'it',
          name: `pod-${n}`,
          uid: `10000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
          generation: 1,
        },
        spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 1, containers, ...spec },
      },
      containers: Object.fromEntries(
        all.map((c) => [
          c.name,
          {
            name: c.name,
            env: Object.entries(env).map(([name, value]) => ({ name, value })),
            command: c.command,
            args: c.args,
          },
        ]),
      ),
      volumes: [],
      dns: {
        nameservers: ['10.96.0.10'],
        searches: ['it.svc.cluster.local', 'svc.cluster.local'],
        options: ['ndots:5'],
      },
      hostname: `pod-${n}`,
      hostAliases: [],
      pullSecrets: [],
      nodeAddresses: [],
      ...more,
    };
  }
  const refOf = (pod: ResolvedPod): PodRef => ({
    namespace: pod.pod.metadata?.namespace ?? '',
    name: pod.pod.metadata?.name ?? '',
    uid: pod.pod.metadata?.uid ?? '',
  });
  const find = (pod: ObservedPod | undefined, name: string): ObservedContainer | undefined =>
    pod?.containers.find((c) => c.name === name);

  async function until(pod: ResolvedPod, what: (pod: ObservedPod | undefined) => boolean): Promise<ObservedPod> {
    const end = Date.now() + patienceMs;
    for (;;) {
      const seen = await cluster.provider.observePod(refOf(pod));
      if (what(seen)) return seen as ObservedPod;
      if (Date.now() > end)
        throw new Error(
          `did not become so: ${JSON.stringify(seen, null, 1)} ${JSON.stringify(events.filter((e) => e.ref.uid === refOf(pod).uid))}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }
  const started = async (pod: ResolvedPod): Promise<ObservedPod> => {
    await cluster.provider.createPod(pod);
    return until(pod, (p) => (pod.pod.spec?.containers ?? []).every((c) => find(p, c.name)?.state.running));
  };
  const finished = async (pod: ResolvedPod): Promise<ObservedPod> => {
    await cluster.provider.createPod(pod);
    return until(pod, (p) => p?.finished === true);
  };
  async function text(stream: Readable): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }
  const logs = async (pod: ResolvedPod, container = 'app', options: Partial<LogOptions> = {}): Promise<string> =>
    text(
      await cluster.provider.openLogs(refOf(pod), {
        container,
        follow: false,
        previous: false,
        timestamps: false,
        ...options,
      }),
    );

  function sink(): { stream: Writable; text(): string } {
    const chunks: Buffer[] = [];
    return {
      stream: new Writable({ write: (chunk: Buffer, _e, done) => (chunks.push(chunk), done()) }),
      text: () => Buffer.concat(chunks).toString(),
    };
  }
  async function run(
    pod: ResolvedPod,
    command: readonly string[],
    stdin?: string,
    more: Partial<ExecIo> = {},
  ): Promise<{ code: number; out: string; err: string }> {
    const out = sink();
    const err = sink();
    const input = stdin === undefined ? undefined : new PassThrough();
    input?.end(stdin);
    const io: ExecIo = {
      stdin: input,
      stdout: out.stream,
      stderr: err.stream,
      tty: false,
      onResize: () => {},
      signal: new AbortController().signal,
      ...more,
    };
    const { exitCode } = await cluster.provider.exec(refOf(pod), 'app', command, io);
    return { code: exitCode, out: out.text(), err: err.text() };
  }
  /** Runs a task to its end and gives what it printed. */
  const output = async (
    script: string,
    container: Partial<Container> = {},
    spec: Partial<PodSpec> = {},
    more: Partial<ResolvedPod> = {},
    env: Record<string, string> = {},
  ): Promise<string> => {
    const pod = aPod([sh('app', script, container)], { restartPolicy: 'Never', ...spec }, more, env);
    await finished(pod);
    return logs(pod);
  };

  describe('containers of one pod', () => {
    test('share localhost, hostname and /dev/shm, and not their files', async () => {
      const pod = aPod([
        sh('app', `echo mine > /dev/shm/x; echo mine > /tmp/x; httpd -p 127.0.0.1:8080 -h /etc; ${forever}`),
        sh(
          'other',
          'until r=$(echo -e "GET /passwd HTTP/1.0\\r\\n\\r\\n" | nc 127.0.0.1 8080); do sleep 0.1; done; ' +
            'echo "$(hostname) $(cat /dev/shm/x) $(cat /tmp/x 2>/dev/null || echo nothing)"; echo "$r" | tail -n 2',
        ),
      ]);
      await cluster.provider.createPod(pod);
      await until(
        pod,
        (p) => (find(p, 'other')?.restartCount ?? 0) > 0 || find(p, 'other')?.state.terminated !== undefined,
      );
      const printed = await logs(pod, 'other', {
        previous: (find(await cluster.provider.observePod(refOf(pod)), 'other')?.restartCount ?? 0) > 0,
      });
      expect(printed).toContain(`${pod.hostname} mine nothing`);
      expect(printed).toContain('user:x:1000');
    }, 60_000);

    test('init containers run in order before the others', async () => {
      const volumes: ResolvedVolume[] = [{ name: 'v', kind: 'emptyDir', medium: '' }];
      const mount = { volumeMounts: [{ name: 'v', mountPath: '/v' }] };
      const pod = aPod(
        [sh('app', 'cat /v/log', mount)],
        {
          restartPolicy: 'Never',
          initContainers: [sh('one', 'sleep 0.3; echo one >> /v/log', mount), sh('two', 'echo two >> /v/log', mount)],
        },
        { volumes },
      );
      await finished(pod);
      expect(await logs(pod)).toBe('one\ntwo\n');
    }, 60_000);

    test('a sidecar starts first and ends last', async () => {
      const volumes: ResolvedVolume[] = [{ name: 'v', kind: 'emptyDir', medium: '' }];
      const mount = { volumeMounts: [{ name: 'v', mountPath: '/v' }] };
      const pod = aPod(
        [sh('app', 'sleep 0.3; echo app >> /v/log', mount)],
        {
          restartPolicy: 'Never',
          initContainers: [
            sh('side', 'echo side >> /v/log; trap "cat /v/log; echo bye; exit 0" TERM; while :; do sleep 0.1; done', {
              ...mount,
              restartPolicy: 'Always',
            }),
          ],
        },
        { volumes },
      );
      const seen = await finished(pod);
      expect(await logs(pod, 'side')).toBe('side\napp\nbye\n');
      expect(find(seen, 'app')?.state.terminated?.exitCode).toBe(0);
    }, 60_000);

    test("a debug container joins a pod that runs, and sees its target's processes", async () => {
      const pod = aPod([sh('app', forever)]);
      await started(pod);
      const debug = { ...sh('debug', 'ps; sleep 60'), targetContainerName: 'app' };
      const resolved = { name: 'debug', env: [], command: debug.command, args: undefined };
      await cluster.provider.updatePod({
        ...pod,
        pod: {
          ...pod.pod,
          spec: { ...pod.pod.spec, containers: pod.pod.spec?.containers ?? [], ephemeralContainers: [debug] },
        },
        containers: { ...pod.containers, debug: resolved },
      });
      const seen = await until(pod, (p) => find(p, 'debug')?.state.running !== undefined);
      expect(find(seen, 'debug')?.kind).toBe('ephemeral');
      const end = Date.now() + patienceMs;
      while (!(await logs(pod, 'debug')).includes('while') && Date.now() < end)
        await new Promise((resolve) => setTimeout(resolve, 30));
      expect(await logs(pod, 'debug')).toMatch(/ 1 root .*while/);
    }, 60_000);

    test("shareProcessNamespace shows each the others' processes", async () => {
      const pod = aPod([sh('app', forever), sh('other', forever)], { shareProcessNamespace: true });
      await started(pod);
      expect((await run(pod, ['ps'])).out.match(/sleep 0\.1|while/g)?.length).toBeGreaterThan(1);
      expect((await run(pod, ['cat', '/proc/1/cmdline'])).out).toContain('/nodeless/tool');
    }, 60_000);
  });

  describe('environment', () => {
    test("values, the image's own, and the pod's address", async () => {
      const printed = await output(
        'echo "$A|$IMAGE|$IP|$PWD"; hostname -i',
        { workingDir: '/etc' },
        {},
        {},
        { A: 'a b=c', IP: '\u0000podIP\u0000' },
      );
      const [line, own] = printed.trim().split('\n');
      expect(line).toBe(`a b=c|test|${own}|/etc`);
    }, 60_000);

    test("hosts and resolv.conf are the pod's", async () => {
      const printed = await output(
        'cat /etc/hosts /etc/resolv.conf',
        {},
        {},
        { hostDomain: 'sub.it.svc.cluster.local', hostAliases: [{ ip: '1.2.3.4', hostnames: ['alias', 'other'] }] },
      );
      expect(printed).toMatch(/^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost/);
      expect(printed).toMatch(/10\.\d+\.1\.\d+\tpod-\d+\.sub\.it\.svc\.cluster\.local\tpod-\d+\n/);
      expect(printed).toContain('# Entries added by HostAliases.\n1.2.3.4\talias\tother\n');
      expect(printed).toContain(
        'search it.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n',
      );
    }, 60_000);

    test("args alone keep the image's entrypoint, a command replaces both", async () => {
      const pod = aPod([{ name: 'app', image, imagePullPolicy: 'IfNotPresent', args: ['echo', 'from args'] }], {
        restartPolicy: 'Never',
      });
      await finished(pod);
      expect(await logs(pod)).toBe('from args\n');
    }, 60_000);
  });

  describe('how containers end', () => {
    const ends: [string, string, Partial<Container>, object][] = [
      [
        'with a message in their file',
        'echo because > /dev/termination-log; exit 3',
        {},
        { exitCode: 3, reason: 'Error', message: 'because\n' },
      ],
      [
        'with one elsewhere',
        'echo here > /tmp/why; exit 0',
        { terminationMessagePath: '/tmp/why' },
        { exitCode: 0, reason: 'Completed', message: 'here\n' },
      ],
      [
        'with the end of their log',
        'echo last words; exit 1',
        { terminationMessagePolicy: 'FallbackToLogsOnError' },
        { exitCode: 1, message: 'last words\n' },
      ],
      ['by a signal', "sh -c 'kill -9 $$'; exit $?", {}, { exitCode: 137, reason: 'Error' }],
      [
        'out of memory',
        'tail /dev/zero',
        { resources: { limits: { memory: '16Mi' } } },
        { exitCode: 137, reason: 'OOMKilled' },
      ],
    ];
    test.each(ends)(
      '%s',
      async (_, script, container, want) => {
        const pod = aPod([sh('app', script, container)], { restartPolicy: 'Never' });
        expect(find(await finished(pod), 'app')?.state.terminated).toMatchObject(want);
      },
      60_000,
    );

    test('never having begun', async () => {
      const pod = aPod([{ name: 'app', image, imagePullPolicy: 'IfNotPresent', command: ['/no/such/program'] }], {
        restartPolicy: 'Never',
      });
      const ended = find(await finished(pod), 'app')?.state.terminated;
      expect(ended).toMatchObject({ exitCode: 128, reason: 'StartError' });
      expect(ended?.message).toMatch(/no such file or directory/);
    }, 60_000);

    test('after their grace', async () => {
      const pod = aPod([sh('app', 'trap "" TERM; while :; do sleep 0.1; done')]);
      await started(pod);
      const begun = Date.now();
      await cluster.provider.stopPod(refOf(pod), 2);
      expect(Date.now() - begun).toBeGreaterThan(1_800);
      expect(find(await cluster.provider.observePod(refOf(pod)), 'app')?.state.terminated?.exitCode).toBe(137);
    }, 60_000);
  });

  describe('volumes', () => {
    const files = (contents: Record<string, string>, mode = 0o644): ResolvedVolume => ({
      name: 'v',
      kind: 'files',
      readOnly: true,
      files: Object.entries(contents).map(([path, content]) => ({ path, content: Buffer.from(content), mode })),
    });
    const at = (mountPath: string, more: object = {}) => ({ volumeMounts: [{ name: 'v', mountPath, ...more }] });

    test('files, also in folders, with their modes, read only', async () => {
      const printed = await output(
        'cat /v/a /v/deep/b; stat -L -c %a /v/a; (echo x > /v/a) 2>/dev/null || echo refused',
        at('/v'),
        {},
        { volumes: [files({ a: '1\n', 'deep/b': '2\n' }, 0o440)] },
      );
      expect(printed).toBe('1\n2\n440\nrefused\n');
    }, 60_000);

    test('changes reach a running pod all at once', async () => {
      const pod = aPod([sh('app', forever, at('/v'))], {}, { volumes: [files({ a: '1', b: '1', old: 'x' })] });
      await started(pod);
      expect((await run(pod, ['sh', '-c', 'cat /v/a /v/b /v/old'])).out).toBe('11x');
      await cluster.provider.updatePod({ ...pod, volumes: [files({ a: '2', b: '2', 'new/c': '3' })] });
      const end = Date.now() + patienceMs;
      let seen = '';
      while (seen !== '22 3' && Date.now() < end) {
        // A look during which the files were exchanged proves nothing.
        const look =
          'at=$(readlink /v/..data); seen="$(cat /v/a /v/b) $(cat /v/new/c 2>/dev/null)"; ' +
          '[ "$at" = "$(readlink /v/..data)" ] && echo -n "$seen" || echo -n between';
        seen = (await run(pod, ['sh', '-c', look])).out;
        expect(['11 ', '22 3', 'between']).toContain(seen);
      }
      expect(seen).toBe('22 3');
      expect((await run(pod, ['ls', '/v'])).out).toBe('a\nb\nnew\n');
    }, 60_000);

    test('one file by subPath', async () => {
      expect(
        await output(
          'cat /etc/app.conf; cat /etc/passwd | head -n 1',
          at('/etc/app.conf', { subPath: 'a' }),
          {},
          { volumes: [files({ a: 'conf\n' })] },
        ),
      ).toBe('conf\nroot:x:0:0::/:/bin/sh\n');
    }, 60_000);

    test("an emptyDir is everybody's, a folder in it by subPathExpr, and none leads outside", async () => {
      const volumes: ResolvedVolume[] = [{ name: 'v', kind: 'emptyDir', medium: '' }];
      const printed = await output(
        'echo hi > /v/file; stat -c %a /v; ls /v',
        at('/v', { subPathExpr: 'logs/$(WHO)' }),
        {},
        { volumes },
        { WHO: 'me' },
      );
      expect(printed).toBe('755\nfile\n');
      const pod = aPod(
        [sh('app', 'true', at('/v', { subPath: 'link/etc' }))],
        { restartPolicy: 'Never', initContainers: [sh('i', 'ln -s / /v/link', at('/v'))] },
        { volumes },
      );
      await cluster.provider.createPod(pod);
      const seen = await until(pod, (p) => find(p, 'app')?.state.waiting !== undefined);
      expect(find(seen, 'app')?.state.waiting).toEqual({
        reason: 'CreateContainerConfigError',
        message: 'failed to prepare subPath for volumeMount "v" of container "app"',
      });
    }, 60_000);

    test('in memory, limited, for a group', async () => {
      const volumes: ResolvedVolume[] = [{ name: 'v', kind: 'emptyDir', medium: 'Memory', sizeLimitBytes: 1 << 20 }];
      const printed = await output(
        'mount | grep " /v " | cut -d" " -f1,5; stat -c "%a %g" /v; id -G; (dd if=/dev/zero of=/v/x bs=1M count=2) 2>/dev/null || echo full',
        at('/v'),
        { securityContext: { fsGroup: 2000, runAsUser: 1000 } },
        { volumes },
      );
      expect(printed).toBe('tmpfs tmpfs\n2777 2000\n1000 2000\nfull\n');
    }, 60_000);

    test('a group can read its files', async () => {
      const printed = await output(
        'stat -L -c "%a %g" /v/a; cat /v/a',
        at('/v'),
        { securityContext: { fsGroup: 2000, runAsUser: 1000 } },
        { volumes: [files({ a: 'secret\n' }, 0o400)] },
      );
      expect(printed).toBe('440 2000\nsecret\n');
    }, 60_000);

    test("hostPath is the node's, not the machine's, and is checked", async () => {
      const volumes: ResolvedVolume[] = [
        { name: 'v', kind: 'hostPath', path: '/data/shared', type: 'DirectoryOrCreate' },
      ];
      await output('echo there > /v/x', at('/v'), {}, { volumes });
      expect(await output('cat /v/x', at('/v'), {}, { volumes })).toBe('there\n');
      const pod = aPod(
        [sh('app', 'true', at('/v'))],
        { restartPolicy: 'Never' },
        { volumes: [{ name: 'v', kind: 'hostPath', path: '/nope', type: 'Directory' }] },
      );
      await cluster.provider.createPod(pod);
      const end = Date.now() + patienceMs;
      const mine = (): PodEvent[] => events.filter((e) => e.ref.uid === refOf(pod).uid);
      while (mine().length === 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 30));
      expect(mine()[0]).toMatchObject({
        type: 'Warning',
        reason: 'FailedMount',
        message: 'MountVolume.SetUp failed for volume "v" : hostPath type check failed: /nope is not a directory',
      });
    }, 60_000);
  });

  describe('limits and security', () => {
    const cases: [string, string, Partial<Container>, Partial<PodSpec>, string][] = [
      [
        'user and groups',
        'id -u; id -g; id -G',
        { securityContext: { runAsUser: 1234, runAsGroup: 99 } },
        { securityContext: { supplementalGroups: [5, 6] } },
        '1234\n99\n99 5 6\n',
      ],
      [
        'read-only root',
        '(echo x > /x) 2>/dev/null || echo refused',
        { securityContext: { readOnlyRootFilesystem: true } },
        {},
        'refused\n',
      ],
      [
        'dropped capabilities',
        'grep CapEff /proc/self/status | cut -f2',
        { securityContext: { capabilities: { drop: ['ALL'] } } },
        {},
        '0000000000000000\n',
      ],
      [
        'one added',
        'grep CapEff /proc/self/status | cut -f2',
        { securityContext: { capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } } },
        {},
        '0000000000001000\n',
      ],
      [
        'no new privileges',
        'grep NoNewPrivs /proc/self/status | cut -f2',
        { securityContext: { allowPrivilegeEscalation: false } },
        {},
        '1\n',
      ],
      [
        'seccomp',
        'grep Seccomp: /proc/self/status | cut -f2',
        { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } },
        {},
        '2\n',
      ],
      ['no seccomp unless asked for', 'grep Seccomp: /proc/self/status | cut -f2', {}, {}, '0\n'],
      [
        'a sysctl',
        'cat /proc/sys/net/ipv4/ip_unprivileged_port_start',
        {},
        { securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '80' }] } },
        '80\n',
      ],
    ];
    test.each(cases)(
      '%s',
      async (_, script, container, spec, want) => expect(await output(script, container, spec)).toBe(want),
      60_000,
    );

    test('cpu and memory reach the kernel', async () => {
      const pod = aPod([
        sh('app', forever, { resources: { requests: { cpu: '250m' }, limits: { cpu: '500m', memory: '64Mi' } } }),
      ]);
      const seen = await started(pod);
      const { HostConfig } = await cluster.engine
        .getContainer(find(seen, 'app')?.containerId.slice('docker://'.length) ?? '')
        .inspect();
      expect(HostConfig).toMatchObject({
        CpuShares: 256,
        CpuQuota: 50_000,
        CpuPeriod: 100_000,
        Memory: 64 << 20,
        MemorySwap: 64 << 20,
      });
      const larger = {
        ...pod,
        pod: {
          ...pod.pod,
          spec: {
            ...pod.pod.spec,
            containers: [
              sh('app', forever, { resources: { requests: { cpu: '250m' }, limits: { cpu: '1', memory: '96Mi' } } }),
            ],
          },
        },
      };
      await cluster.provider.updatePod(larger);
      const id = find(seen, 'app')?.containerId.slice('docker://'.length) ?? '';
      const end = Date.now() + patienceMs;
      let now = (await cluster.engine.getContainer(id).inspect()).HostConfig;
      while (now.Memory !== 96 << 20 && Date.now() < end)
        now = (await cluster.engine.getContainer(id).inspect()).HostConfig;
      expect(now).toMatchObject({ CpuQuota: 100_000, Memory: 96 << 20 });
    }, 60_000);

    test('a root image is refused where the pod must not be root', async () => {
      const pod = aPod([sh('app', 'true', { securityContext: { runAsNonRoot: true } })]);
      await cluster.provider.createPod(pod);
      const seen = await until(pod, (p) => find(p, 'app')?.state.waiting?.reason === 'CreateContainerConfigError');
      expect(find(seen, 'app')?.state.waiting?.message).toBe(
        `container has runAsNonRoot and image will run as root (pod: "${refOf(pod).name}_it(${refOf(pod).uid})", container: app)`,
      );
    }, 60_000);

    test('a sysctl that reaches beyond the pod is refused', async () => {
      const pod = aPod([sh('app', 'true')], { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } });
      await cluster.provider.createPod(pod);
      const end = Date.now() + patienceMs;
      const mine = (): PodEvent | undefined => events.find((e) => e.ref.uid === refOf(pod).uid);
      while (!mine() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 30));
      expect(mine()?.message).toBe('Failed to create pod sandbox: forbidden sysctl: "kernel.msgmax" not allowlisted');
    }, 60_000);
  });

  describe('logs', () => {
    test('tail, limit, timestamps, one stream', async () => {
      const pod = aPod([sh('app', 'echo oops >&2; sleep 0.2; for i in 1 2 3 4 5; do echo line $i; done')], {
        restartPolicy: 'Never',
      });
      await finished(pod);
      expect(await logs(pod, 'app', { tailLines: 2, stream: 'Stdout' })).toBe('line 4\nline 5\n');
      expect(await logs(pod, 'app', { limitBytes: 9 })).toHaveLength(9);
      expect(await logs(pod, 'app', { stream: 'Stderr' })).toBe('oops\n');
      expect((await logs(pod, 'app', { timestamps: true, stream: 'Stdout' })).split('\n')[0]).toMatch(
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line 1$/,
      );
      expect(await logs(pod, 'app', { sinceTime: new Date(Date.now() + 60_000) })).toBe('');
      expect((await logs(pod, 'app', { sinceSeconds: 600 })).split('\n').length).toBe(7);
    }, 60_000);

    test('followed to the end of the container', async () => {
      const pod = aPod([sh('app', 'echo one; sleep 0.5; echo two')], { restartPolicy: 'Never' });
      await started(pod);
      expect(await logs(pod, 'app', { follow: true })).toBe('one\ntwo\n');
    }, 60_000);

    test('a follower may go away', async () => {
      const pod = aPod([sh('app', `echo one; ${forever}`)]);
      await started(pod);
      const stream = await cluster.provider.openLogs(refOf(pod), {
        container: 'app',
        follow: true,
        previous: false,
        timestamps: false,
      });
      await new Promise((resolve) => stream.once('data', resolve));
      stream.destroy();
      await new Promise((resolve) => (stream.closed ? resolve(undefined) : stream.once('close', resolve)));
    }, 60_000);

    test('of the run before', async () => {
      const volumes: ResolvedVolume[] = [{ name: 'v', kind: 'emptyDir', medium: '' }];
      const pod = aPod(
        [
          sh('app', `if [ -e /v/x ]; then echo second; ${forever}; fi; touch /v/x; echo first; exit 1`, {
            volumeMounts: [{ name: 'v', mountPath: '/v' }],
          }),
        ],
        {},
        { volumes },
      );
      await cluster.provider.createPod(pod);
      await until(pod, (p) => find(p, 'app')?.restartCount === 1 && find(p, 'app')?.state.running !== undefined);
      expect(await logs(pod, 'app', { previous: true })).toBe('first\n');
      expect(await logs(pod)).toBe('second\n');
    }, 60_000);
  });

  describe('exec, attach and port-forward', () => {
    let pod: ResolvedPod;
    beforeAll(async () => {
      pod = aPod([
        sh('app', `httpd -p 8080 -h /etc; ${forever}`),
        { name: 'cat', image, imagePullPolicy: 'IfNotPresent', command: ['cat'], stdin: true },
      ]);
      await started(pod);
    }, 60_000);

    test('output, errors and the exit code', async () => {
      expect(await run(pod, ['sh', '-c', 'echo out; echo err >&2; exit 7'])).toEqual({
        code: 7,
        out: 'out\n',
        err: 'err\n',
      });
    }, 60_000);
    test('standard input', async () => {
      expect(await run(pod, ['wc', '-c'], 'x'.repeat(200_000))).toMatchObject({ code: 0, out: '200000\n' });
    }, 60_000);
    test('much output, whole', async () => {
      expect((await run(pod, ['sh', '-c', 'dd if=/dev/zero bs=1k count=2000 2>/dev/null'])).out.length).toBe(2_048_000);
    }, 60_000);
    test('a terminal, with its size', async () => {
      let resize: ((size: { width: number; height: number }) => void) | undefined;
      const running = run(pod, ['sh', '-c', 'sleep 0.5; tty; stty size'], undefined, {
        tty: true,
        onResize: (callback) => (resize = callback),
      });
      const end = Date.now() + 400;
      while (Date.now() < end) {
        resize?.({ width: 101, height: 33 });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const { out } = await running;
      expect(out).toContain('/dev/pts/');
      expect(out).toContain('33 101');
    }, 60_000);
    test('a program that is not there', async () => {
      const { code, out, err } = await run(pod, ['/nope']).catch((error: Error) => ({
        code: 126,
        out: error.message,
        err: '',
      }));
      expect([126, 127]).toContain(code);
      expect(out + err).toMatch(/no such file or directory/);
    }, 60_000);
    test('into a container that is not there', async () => {
      await expect(
        cluster.provider.exec(refOf(pod), 'nobody', ['true'], {
          stdin: undefined,
          stdout: undefined,
          stderr: undefined,
          tty: false,
          onResize: () => {},
          signal: new AbortController().signal,
        }),
      ).rejects.toThrow('container not found ("nobody")');
    }, 60_000);
    test('cut off by the caller', async () => {
      const controller = new AbortController();
      const running = run(pod, ['sleep', '600'], undefined, { signal: controller.signal });
      setTimeout(() => controller.abort(), 200);
      await running;
    }, 60_000);
    test("attach joins the container's own process", async () => {
      const out = sink();
      const input = new PassThrough();
      const controller = new AbortController();
      const attached = cluster.provider.attach(refOf(pod), 'cat', {
        stdin: input,
        stdout: out.stream,
        stderr: undefined,
        tty: false,
        onResize: () => {},
        signal: controller.signal,
      });
      input.write('echoed\n');
      const end = Date.now() + patienceMs;
      while (out.text() === '' && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 30));
      controller.abort();
      await attached;
      expect(out.text()).toBe('echoed\n');
    }, 60_000);
    test("port-forward reaches the pod's localhost", async () => {
      const stream = await cluster.provider.portForward(refOf(pod), 8080);
      stream.write('GET /passwd HTTP/1.0\r\n\r\n');
      expect(await text(stream)).toContain('root:x:0:0');
    }, 60_000);
    test('a port where nobody listens', async () => {
      const stream = await cluster.provider.portForward(refOf(pod), 9999);
      await expect(text(stream)).rejects.toThrow(/refused/);
    }, 60_000);
    test('metrics', async () => {
      const usage = await cluster.provider.metrics(refOf(pod));
      expect(Object.keys(usage ?? {}).sort()).toEqual(['app', 'cat']);
      expect(usage?.['app']?.memoryBytes).toBeGreaterThan(1000);
    }, 60_000);
  });

  describe('networks', () => {
    const serve = 'mkdir -p /tmp/www; hostname > /tmp/www/index.html; httpd -p PORT -h /tmp/www; ';
    // A started container listens a moment later: a refused connection is tried again.
    const get = (address: string, port: number) =>
      `n=0; until r=$(echo -e "GET /index.html HTTP/1.0\\r\\n\\r\\n" | nc -w 3 ${address} ${port} 2>&1) || [ $n -ge 30 ]; ` +
      `do n=$((n+1)); sleep 0.1; done; echo "$r" | tail -n 1`;

    test('pods reach each other across nodes, and are reached from here', async () => {
      const server = aPod([sh('app', serve.replace('PORT', '80') + forever)]);
      const { podIp } = await started(server);
      expect(await output(get(podIp, 80), {}, { nodeName: 'node-2' })).toBe(`${server.hostname}\n`);
      const stream = await cluster.provider.dial(podIp, 80, AbortSignal.timeout(5_000));
      stream.write('GET /index.html HTTP/1.0\r\n\r\n');
      expect(await text(stream)).toContain(server.hostname);
    }, 60_000);

    test("host-network pods have the node's address", async () => {
      const pod = aPod(
        [sh('app', serve.replace('PORT', '8099') + forever)],
        { hostNetwork: true },
        { hostname: 'node-1' },
      );
      const { podIp } = await started(pod);
      expect(podIp).toBe((await cluster.provider.helper('node-1')).address);
      expect(await output(get(podIp, 8099))).toBe('node-1\n');
      await cluster.provider.deletePod(refOf(pod), 1);
    }, 60_000);

    test('host ports lead from the node to the pod, and go with it', async () => {
      const pod = aPod([
        sh('app', serve.replace('PORT', '80') + forever, { ports: [{ containerPort: 80, hostPort: 8088 }] }),
      ]);
      await started(pod);
      const { address } = await cluster.provider.helper('node-1');
      expect(await output(get(address, 8088), {}, { nodeName: 'node-2' })).toBe(`${pod.hostname}\n`);
      expect(await output(get('127.0.0.1', 8088), {}, { hostNetwork: true })).toBe(`${pod.hostname}\n`);
      await cluster.provider.deletePod(refOf(pod), 1);
      expect(await output(`${get(address, 8088)} || echo gone`, {}, { nodeName: 'node-2' })).not.toContain(
        pod.hostname,
      );
    }, 60_000);

    test('three bindings of one host port stand side by side', async () => {
      const a = aPod([
        sh('app', serve.replace('PORT', '80') + forever, {
          ports: [{ containerPort: 80, hostPort: 8077, hostIP: '127.0.0.1' }],
        }),
      ]);
      const { address } = await cluster.provider.helper('node-1');
      const b = aPod([
        sh('app', serve.replace('PORT', '80') + forever, {
          ports: [{ containerPort: 80, hostPort: 8077, hostIP: address }],
        }),
      ]);
      const c = aPod([
        sh('app', forever, { ports: [{ containerPort: 53, hostPort: 8077, protocol: 'UDP', hostIP: address }] }),
      ]);
      await Promise.all([started(a), started(b), started(c)]);
      expect(await output(get('127.0.0.1', 8077), {}, { hostNetwork: true })).toBe(`${a.hostname}\n`);
      expect(await output(get(address, 8077), {}, { nodeName: 'node-2' })).toBe(`${b.hostname}\n`);
      // busybox has no UDP program to answer with: that the rule stands must do.
      const rules = (
        await (await cluster.provider.helper('node-1')).exec(['nft', 'list', 'table', 'ip', 'nodeless_hostports'])
      ).output;
      expect(rules).toMatch(
        new RegExp(
          `ip daddr ${address.replaceAll('.', '\\.')} udp dport 8077 ct mark set .* dnat to 10\\.\\d+\\.1\\.\\d+:53`,
        ),
      );
      await Promise.all([a, b, c].map((p) => cluster.provider.deletePod(refOf(p), 1)));
    }, 60_000);
  });

  test("probes go through the pod's network", async () => {
    const pod = aPod([
      sh('app', `sleep 0.4; mkdir /tmp/www; echo ok > /tmp/www/ready; httpd -p 80 -h /tmp/www; ${forever}`, {
        ports: [{ name: 'web', containerPort: 80 }],
        startupProbe: { tcpSocket: { port: 80 }, periodSeconds: 1, failureThreshold: 10 },
        readinessProbe: { httpGet: { path: '/ready', port: 'web' }, periodSeconds: 1, failureThreshold: 1 },
        livenessProbe: { exec: { command: ['test', '!', '-e', '/tmp/dead'] }, periodSeconds: 1, failureThreshold: 1 },
      }),
    ]);
    await cluster.provider.createPod(pod);
    await until(pod, (p) => find(p, 'app')?.ready === true);
    await run(pod, ['rm', '/tmp/www/ready']);
    await until(pod, (p) => find(p, 'app')?.ready === false && find(p, 'app')?.started === true);
    expect(
      events.some(
        (e) =>
          e.ref.uid === refOf(pod).uid &&
          e.message === 'Readiness probe failed: HTTP probe failed with statuscode: 404',
      ),
    ).toBe(true);
    await run(pod, ['touch', '/tmp/dead']);
    await until(pod, (p) => find(p, 'app')?.restartCount === 1);
    expect(
      events.some(
        (e) => e.ref.uid === refOf(pod).uid && e.message === 'Container app failed liveness probe, will be restarted',
      ),
    ).toBe(true);
  }, 60_000);

  test('a command that takes too long is killed', async () => {
    const pod = aPod([
      sh('app', forever, {
        readinessProbe: { exec: { command: ['sleep', '987'] }, timeoutSeconds: 1, periodSeconds: 1 },
      }),
    ]);
    await started(pod);
    const end = Date.now() + patienceMs;
    const failed = (): boolean =>
      events.some(
        (e) =>
          e.ref.uid === refOf(pod).uid &&
          e.message === 'Readiness probe failed: command timed out: "sleep 987" timed out after 1s',
      );
    while (!failed() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 30));
    expect(failed()).toBe(true);
    await cluster.provider.updatePod({
      ...pod,
      pod: { ...pod.pod, spec: { ...pod.pod.spec, containers: [sh('app', forever)] } },
    });
    expect((await run(pod, ['sh', '-c', 'ps | grep -c "[s]leep 987"'])).out).toMatch(/^[01]\n$/);
  }, 60_000);
});
