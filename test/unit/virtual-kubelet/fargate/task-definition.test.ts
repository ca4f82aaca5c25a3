import { describe, expect, test } from 'vitest';
import type { Container, Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { checkDefinition } from '../../../aws/rigs/ecs-definitions.ts';
import {
  type LaunchFacts,
  planTask,
  type SecretNames,
} from '@nodeless/virtual-kubelet/providers/fargate/task-definition';
import type { ResolvedPod } from '@nodeless/virtual-kubelet/providers/provider';
import { fargateSettings, onDemandNode, resolved } from '../../../builders/fargate.ts';

const facts: LaunchFacts = { bootToken: 'token', roleArn: '', attempt: 0, architecture: 'amd64' };
const names: SecretNames = { secretFor: (value) => `/nodeless/test/values/${value}`, credentialsFor: () => undefined };

function podOf(spec: Partial<PodSpec> = {}, name = 'web-1'): Pod {
  return {
    metadata: { namespace: 'shop', name, uid: `uid-of-${name}` },
    spec: { nodeName: onDemandNode, containers: [{ name: 'app', image: 'nginx:1' }], ...spec },
  };
}
const app = (container: Partial<Container>): Partial<PodSpec> => ({
  containers: [{ name: 'app', image: 'nginx:1', ...container }],
});
function plan(pod: Pod, rest: Partial<ResolvedPod> = {}, own: Partial<LaunchFacts> = {}) {
  const planned = planTask(resolved(pod, rest), { ...facts, ...own }, fargateSettings, names);
  // Whatever is planned is what ECS registers.
  checkDefinition(planned.definition);
  return planned;
}
const container = (pod: Pod, name = 'app', rest: Partial<ResolvedPod> = {}) =>
  plan(pod, rest).definition.containerDefinitions?.find((c) => c.name === name);
const override = (pod: Pod, name: string, rest: Partial<ResolvedPod> = {}) =>
  plan(pod, rest).overrides.containerOverrides?.find((c) => c.name === name);

describe('a definition', () => {
  test('is shared by all pods of a template, and by no other', () => {
    const family = (pod: Pod, own: Partial<LaunchFacts> = {}): string | undefined =>
      plan(pod, {}, own).definition.family;
    const first = family(podOf());
    expect(first).toMatch(/^nodeless-test-[0-9a-f]{20}$/);
    expect(family(podOf({}, 'web-2'), { bootToken: 'another', attempt: 3, roleArn: 'arn:aws:iam::1:role/a' })).toBe(
      first,
    );
    const others = [
      family(podOf(app({ image: 'nginx:2' }))),
      family(podOf(app({ env: [{ name: 'A', value: 'b' }] }))),
      family(podOf(), { architecture: 'arm64' }),
      family(podOf({ restartPolicy: 'Never' })),
      planTask(resolved(podOf()), facts, { ...fargateSettings, cluster: 'other' }, names).definition.family,
    ];
    expect(new Set([first, ...others]).size).toBe(others.length + 1);
  });

  test('does not depend on the order in which an object was written', () => {
    const pod = podOf(app({ resources: { requests: { cpu: '1', memory: '1Gi' } } }));
    const turned = podOf(app({ resources: { requests: { memory: '1Gi', cpu: '1' } } }));
    expect(plan(turned).definition).toEqual(plan(pod).definition);
  });

  test('has the size that holds the pod and the agent', () => {
    const { definition } = plan(podOf(app({ resources: { requests: { cpu: '250m', memory: '512Mi' } } })));
    expect([definition.cpu, definition.memory]).toEqual(['256', '1024']);
    expect(definition.containerDefinitions?.map((c) => [c.name, c.cpu, c.memoryReservation])).toEqual([
      ['nodeless_agent', 0, 96],
      ['app', 256, 512],
    ]);
    expect(() => plan(podOf(app({ resources: { requests: { cpu: '33' } } })))).toThrow(/no Fargate task is as large/);
  });

  test('runs on the architecture of the node', () => {
    expect(plan(podOf(), {}, { architecture: 'arm64' }).definition.runtimePlatform).toEqual({
      operatingSystemFamily: 'LINUX',
      cpuArchitecture: 'ARM64',
    });
  });

  test('holds nine containers of the pod', () => {
    const many = (count: number): Pod =>
      podOf({ containers: Array.from({ length: count }, (_, i) => ({ name: `c${i}`, image: 'i' })) });
    expect(plan(many(9)).definition.containerDefinitions).toHaveLength(10);
    expect(() => plan(many(10))).toThrow(/a task holds 10 containers/);
  });

  test.each([
    ['10Gi', undefined],
    ['20Gi', undefined],
    ['20.5Gi', 21],
    ['200Gi', 200],
  ])('ephemeral storage of %s is %s GiB', (quantity, gib) => {
    const pod = podOf(app({ resources: { requests: { 'ephemeral-storage': quantity } } }));
    expect(plan(pod).definition.ephemeralStorage?.sizeInGiB).toBe(gib);
  });
});

describe('the command line', () => {
  test.each<[string, Partial<Container>, string[] | undefined, string[] | undefined]>([
    ['the image’s own', {}, undefined, undefined],
    ['arguments only', { args: ['a', 'b'] }, undefined, ['a', 'b']],
    ['a command only', { command: ['x'] }, ['x'], undefined],
    ['both', { command: ['sh', '-c'], args: ['true'] }, ['sh'], ['-c', 'true']],
  ])('%s', (_, given, entryPoint, command) => {
    const made = container(podOf(app(given)));
    expect([made?.entryPoint, made?.command]).toEqual([entryPoint, command]);
  });

  test('with something of the pod itself comes as an override', () => {
    const pod = podOf(app({ command: ['sh', '-c', 'echo web-1'] }));
    const containers = {
      app: {
        name: 'app',
        env: [{ name: 'NAME', value: 'web-1' }],
        command: ['sh', '-c', 'echo web-1'],
        args: undefined,
        particular: { secret: [], own: ['NAME'], commandLine: true },
      },
    };
    expect(container(pod, 'app', { containers })).toMatchObject({ entryPoint: ['sh'], environment: [] });
    expect(container(pod, 'app', { containers })?.command).toBeUndefined();
    expect(override(pod, 'app', { containers })).toMatchObject({
      command: ['-c', 'echo web-1'],
      environment: expect.arrayContaining([{ name: 'NAME', value: 'web-1' }]),
    });
  });
});

describe('the environment', () => {
  const containers = (size = 1) => ({
    app: {
      name: 'app',
      env: [
        { name: 'PLAIN', value: 'p' },
        { name: 'PASSWORD', value: 's3cret' },
        { name: 'NAME', value: 'web-1'.repeat(size) },
      ],
      command: undefined,
      args: undefined,
      particular: { secret: ['PASSWORD'], own: ['NAME'], commandLine: false },
    },
  });

  test('of the template is in the definition, of the pod in the overrides, of Secrets in neither', () => {
    const pod = podOf();
    const made = container(pod, 'app', { containers: containers() });
    expect(made?.environment).toEqual([{ name: 'PLAIN', value: 'p' }]);
    expect(made?.secrets).toEqual([{ name: 'PASSWORD', valueFrom: '/nodeless/test/values/s3cret' }]);
    expect(override(pod, 'app', { containers: containers() })?.environment).toEqual([
      { name: 'HOSTNAME', value: 'web-1' },
      { name: 'NAME', value: 'web-1' },
    ]);
    const { definition, overrides } = planTask(resolved(pod, { containers: containers() }), facts, fargateSettings, {
      ...names,
      secretFor: () => '/nodeless/test/values/digest',
    });
    expect(JSON.stringify([definition, overrides])).not.toContain('s3cret');
  });

  test('too long for overrides goes into a definition of the pod’s own', () => {
    const pod = podOf();
    const made = plan(pod, { containers: containers(2_000) });
    expect(JSON.stringify(made.overrides).length).toBeLessThanOrEqual(8_192);
    expect(made.definition.containerDefinitions?.[1]?.environment?.find((e) => e.name === 'NAME')?.value).toHaveLength(
      10_000,
    );
  });

  test('that needs the address of the pod is refused', () => {
    const late = {
      app: { name: 'app', env: [{ name: 'IP', value: '\u0000podIP\u0000' }], command: undefined, args: undefined },
    };
    expect(() => plan(podOf(), { containers: late })).toThrow(/before it has an address/);
  });

  test('too long for both is said', () => {
    expect(() => plan(podOf(), { containers: containers(20_000) })).toThrow(/exceeds 64 KB/);
  });

  test('has the search domains where resolvers of the C library look', () => {
    const dns = { nameservers: [], searches: ['shop.svc.cluster.local', 'svc.cluster.local'], options: ['ndots:5'] };
    expect(container(podOf(), 'app', { dns })?.environment).toEqual([
      { name: 'LOCALDOMAIN', value: 'shop.svc.cluster.local svc.cluster.local' },
      { name: 'RES_OPTIONS', value: 'ndots:5' },
    ]);
  });
});

describe('the order of containers', () => {
  const depends = (pod: Pod, rest: Partial<ResolvedPod> = {}): Record<string, string[]> =>
    Object.fromEntries(
      (plan(pod, rest).definition.containerDefinitions ?? []).map((c) => [
        c.name,
        (c.dependsOn ?? []).map((d) => `${d.containerName}:${d.condition}`),
      ]),
    );

  test('init containers one after another, sidecars beside the rest', () => {
    const pod = podOf({
      initContainers: [
        { name: 'first', image: 'i' },
        { name: 'proxy', image: 'i', restartPolicy: 'Always' },
        { name: 'probed', image: 'i', restartPolicy: 'Always', startupProbe: { exec: { command: ['ok'] } } },
        { name: 'second', image: 'i' },
      ],
    });
    expect(depends(pod)).toEqual({
      nodeless_agent: [],
      first: [],
      proxy: ['first:SUCCESS'],
      probed: ['first:SUCCESS', 'proxy:START'],
      second: ['first:SUCCESS', 'proxy:START', 'probed:HEALTHY'],
      app: ['proxy:START', 'probed:HEALTHY', 'second:SUCCESS'],
    });
  });

  test('all wait for the agent where it has volumes to write', () => {
    const pod = podOf({ initContainers: [{ name: 'first', image: 'i' }] });
    const volumes: ResolvedPod['volumes'] = [{ name: 'config', kind: 'files', files: [], readOnly: true }];
    expect(depends(pod, { volumes })).toEqual({
      nodeless_agent: [],
      first: ['nodeless_agent:HEALTHY'],
      app: ['nodeless_agent:HEALTHY', 'first:SUCCESS'],
    });
  });

  test.each<[string, Partial<PodSpec>, Record<string, boolean>, unknown]>([
    ['Always', {}, { app: true }, { enabled: true, restartAttemptPeriod: 60 }],
    [
      'OnFailure',
      { restartPolicy: 'OnFailure' },
      { app: true },
      { enabled: true, restartAttemptPeriod: 60, ignoredExitCodes: [0] },
    ],
    ['Never', { restartPolicy: 'Never' }, { app: true }, undefined],
    [
      'Never, of two',
      {
        restartPolicy: 'Never',
        containers: [
          { name: 'app', image: 'i' },
          { name: 'b', image: 'i' },
        ],
      },
      { app: false, b: false },
      undefined,
    ],
    [
      'Always, of two',
      {
        containers: [
          { name: 'app', image: 'i' },
          { name: 'b', image: 'i' },
        ],
      },
      { app: true, b: true },
      { enabled: true, restartAttemptPeriod: 60 },
    ],
  ])('restart policy %s', (_, spec, essential, policy) => {
    const made = plan(podOf(spec)).definition.containerDefinitions ?? [];
    expect(Object.fromEntries(made.slice(1).map((c) => [c.name, c.essential]))).toEqual(essential);
    expect(made[1]?.restartPolicy).toEqual(policy);
  });

  test.each([
    ['a request', { requests: { memory: '100Mi' } }, { memoryReservation: 100 }],
    ['a limit', { limits: { memory: '100Mi' } }, { memory: 100 }],
    ['both', { requests: { memory: '50Mi' }, limits: { memory: '100Mi' } }, { memoryReservation: 50, memory: 100 }],
    ['both the same', { requests: { memory: '100Mi' }, limits: { memory: '100Mi' } }, { memory: 100 }],
    [
      'a limit beyond the task',
      { requests: { memory: '50Mi' }, limits: { memory: '100Gi' } },
      { memoryReservation: 50, memory: 512 },
    ],
    ['very little', { requests: { memory: '1Mi' }, limits: { memory: '2Mi' } }, { memory: 6 }],
    ['nothing', {}, {}],
  ])('memory by %s', (_, resources, expected) => {
    const { memory, memoryReservation } = container(podOf(app({ resources }))) ?? {};
    expect({ memory, memoryReservation }).toEqual(expected);
  });

  test('init containers reserve nothing of what the others need', () => {
    const limits = { memory: '400Mi' };
    const pod = podOf({
      initContainers: [{ name: 'first', image: 'i', resources: { limits, requests: limits } }],
      ...app({ resources: { limits, requests: limits } }),
    });
    expect(container(pod, 'first')).toMatchObject({ essential: false, memory: 400, memoryReservation: 6 });
    expect(plan(pod).definition.memory).toBe('512');
  });
});

describe('of a container', () => {
  test.each([
    [undefined, 30],
    [0, 2],
    [45, 45],
    [600, 120],
  ])('a grace of %s is a stop timeout of %d', (grace, timeout) => {
    expect(container(podOf({ terminationGracePeriodSeconds: grace }))?.stopTimeout).toBe(timeout);
  });

  test('exec probes become the health check, within ECS’ bounds', () => {
    const probe = { exec: { command: ['cat', '/ok'] }, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 30 };
    expect(container(podOf(app({ readinessProbe: probe })))?.healthCheck).toEqual({
      command: ['CMD', 'cat', '/ok'],
      interval: 5,
      timeout: 2,
      retries: 10,
      startPeriod: 0,
    });
    const startup = { exec: { command: ['cat', '/ok'] }, periodSeconds: 10, failureThreshold: 12 };
    expect(container(podOf(app({ startupProbe: startup })))?.healthCheck?.startPeriod).toBe(120);
    expect(container(podOf(app({ readinessProbe: { httpGet: { port: 80 } } })))?.healthCheck).toBeUndefined();
  });

  test('the security context, as far as ECS has it', () => {
    const pod = podOf({
      securityContext: { runAsUser: 1000, runAsGroup: 2000, sysctls: [{ name: 'net.core.somaxconn', value: '1024' }] },
      ...app({
        securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'], add: ['CAP_SYS_PTRACE'] } },
      }),
    });
    expect(container(pod)).toMatchObject({
      user: '1000:2000',
      readonlyRootFilesystem: true,
      linuxParameters: { capabilities: { add: ['SYS_PTRACE'], drop: ['ALL'] } },
      systemControls: [{ namespace: 'net.core.somaxconn', value: '1024' }],
    });
  });

  test('logs go to a stream whose name says container and task', () => {
    expect(container(podOf())?.logConfiguration).toEqual({
      logDriver: 'awslogs',
      options: {
        'awslogs-group': '/nodeless/test/pods',
        'awslogs-region': 'us-east-1',
        'awslogs-stream-prefix': 'shop',
        mode: 'non-blocking',
      },
    });
  });

  test('volumes are mounted, and those that the agent prepares in its container, too', () => {
    const pod = podOf({
      volumes: [{ name: 'kube-api-access-x7k2p' }, { name: 'scratch' }, { name: 'data' }],
      ...app({
        volumeMounts: [
          { name: 'kube-api-access-x7k2p', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
          { name: 'scratch', mountPath: '/tmp' },
          { name: 'data', mountPath: '/data' },
        ],
      }),
    });
    const volumes: ResolvedPod['volumes'] = [
      { name: 'kube-api-access-x7k2p', kind: 'files', files: [], readOnly: true },
      { name: 'scratch', kind: 'emptyDir', medium: '' },
      { name: 'data', kind: 'efs', fileSystemId: 'fs-12345678', path: '/', accessPointId: 'fsap-1', readOnly: true },
    ];
    expect(plan(pod, { volumes }).definition.volumes).toEqual([
      { name: 'kube-api-access' },
      { name: 'scratch' },
      {
        name: 'data',
        efsVolumeConfiguration: {
          fileSystemId: 'fs-12345678',
          transitEncryption: 'ENABLED',
          authorizationConfig: { accessPointId: 'fsap-1', iam: 'ENABLED' },
        },
      },
    ]);
    expect(container(pod, 'app', { volumes })?.mountPoints).toEqual([
      {
        sourceVolume: 'kube-api-access',
        containerPath: '/var/run/secrets/kubernetes.io/serviceaccount',
        readOnly: true,
      },
      { sourceVolume: 'scratch', containerPath: '/tmp', readOnly: false },
      { sourceVolume: 'data', containerPath: '/data', readOnly: true },
    ]);
    expect(container(pod, 'nodeless_agent', { volumes })?.mountPoints?.map((m) => m.sourceVolume)).toEqual([
      'kube-api-access',
      'scratch',
    ]);
  });
});

test('the overrides say whose the task is and what its agent needs', () => {
  const pod = podOf({ initContainers: [{ name: 'first', image: 'i' }] });
  const { overrides } = plan(pod, {}, { attempt: 2, roleArn: 'arn:aws:iam::1:role/app', bootToken: 'tok' });
  expect(overrides.taskRoleArn).toBe('arn:aws:iam::1:role/app');
  const environment = Object.fromEntries(
    (overrides.containerOverrides?.[0]?.environment ?? []).map((e) => [e.name, JSON.parse(e.value ?? '')]),
  );
  expect(environment).toEqual({
    NODELESS_BOOT: { v: 1, url: 'https://kubelet.example.com', token: 'tok' },
    NODELESS_TASK: { ns: 'shop', name: 'web-1', uid: 'uid-of-web-1', node: onDemandNode, n: 2, init: ['first'] },
  });
});
