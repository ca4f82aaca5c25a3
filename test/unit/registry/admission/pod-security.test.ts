import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec, SecurityContext } from '@nodeless/apimachinery/generated/types/core/v1';
import { podSecurity } from '@nodeless/registry/admission/pod-security/pod-security';
import { ask, attributes, reader } from './attributes.ts';

const prefix = 'pod-security.kubernetes.io/';
const labels = (of: Record<string, string>) =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [`${prefix}${key}`, value]));
const space = (of: Record<string, string>) =>
  reader({ namespaces: [{ metadata: { name: 'default', labels: labels(of) } }] });
const pod = (spec: Partial<PodSpec> = {}, annotations?: Record<string, string>): Pod => ({
  kind: 'Pod',
  metadata: { name: 'p', ...(annotations && { annotations }) },
  spec: { containers: [{ name: 'c' }], ...spec },
});
const secured = (securityContext: SecurityContext, more: Partial<Container> = {}): Pod =>
  pod({ containers: [{ name: 'c', securityContext, ...more }] });
const refused = (level: string, detail: string): string =>
  `pods "p" is forbidden: violates PodSecurity "${level}:latest": ${detail}`;

describe('PodSecurity', () => {
  it.each<{ name: string; pod: Pod; want: string | undefined }>([
    { name: 'a plain pod', pod: pod(), want: undefined },
    {
      name: 'host namespaces',
      pod: pod({ hostNetwork: true, hostPID: true, hostIPC: true }),
      want: 'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
    },
    {
      name: 'a privileged container',
      pod: secured({ privileged: true }),
      want: 'privileged (container "c" must not set securityContext.privileged=true)',
    },
    {
      name: 'privileged containers',
      pod: pod({
        containers: [{ name: 'a', securityContext: { privileged: true } }],
        initContainers: [{ name: 'i', securityContext: { privileged: true } }],
      }),
      want: 'privileged (containers "i", "a" must not set securityContext.privileged=true)',
    },
    {
      name: 'capabilities',
      pod: secured({ capabilities: { add: ['NET_ADMIN', 'CHOWN', 'BPF'] } }),
      want: 'non-default capabilities (container "c" must not include "BPF", "NET_ADMIN" in securityContext.capabilities.add)',
    },
    {
      name: 'host paths',
      pod: pod({
        volumes: [
          { name: 'a', hostPath: { path: '/' } },
          { name: 'b', hostPath: { path: '/' } },
        ],
      }),
      want: 'hostPath volumes (volumes "a", "b")',
    },
    {
      name: 'a host port',
      pod: pod({
        containers: [
          {
            name: 'c',
            ports: [
              { containerPort: 80, hostPort: 80 },
              { containerPort: 81, hostPort: 81 },
            ],
          },
        ],
      }),
      want: 'hostPort (container "c" uses hostPorts 80, 81)',
    },
    {
      name: 'a probe of another host',
      pod: pod({
        containers: [
          {
            name: 'c',
            livenessProbe: { httpGet: { port: 80, host: '1.2.3.4' } },
            readinessProbe: { tcpSocket: { port: 80, host: '1.1.1.1' } },
          },
        ],
      }),
      want: 'probe or lifecycle host (container "c" uses probe or lifecycle hosts "1.1.1.1", "1.2.3.4")',
    },
    {
      name: 'unmasked proc',
      pod: secured({ procMount: 'Unmasked' }),
      want: 'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    },
    {
      name: 'SELinux options',
      pod: pod({ securityContext: { seLinuxOptions: { type: 'foo', user: 'u' } } }),
      want: 'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "foo"; user may not be set)',
    },
    {
      name: 'no seccomp profile',
      pod: pod({
        securityContext: { seccompProfile: { type: 'Unconfined' } },
        containers: [{ name: 'c', securityContext: { seccompProfile: { type: 'Unconfined' } } }],
      }),
      want: 'seccompProfile (pod and container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
    },
    {
      name: 'sysctls',
      pod: pod({
        securityContext: {
          sysctls: [
            { name: 'net.ipv4.tcp_syncookies', value: '1' },
            { name: 'a', value: '1' },
            { name: 'b', value: '1' },
          ],
        },
      }),
      want: 'forbidden sysctls (a, b)',
    },
    {
      name: 'a host process',
      pod: pod({ securityContext: { windowsOptions: { hostProcess: true } } }),
      want: 'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
    },
    {
      name: 'no AppArmor profile',
      pod: pod({
        securityContext: { appArmorProfile: { type: 'Unconfined' } },
        containers: [{ name: 'c', securityContext: { appArmorProfile: { type: 'Unconfined' } } }],
      }),
      want: 'forbidden AppArmor profile (pod and container "c" must not set AppArmor profile type to "Unconfined")',
    },
    {
      name: 'no AppArmor profile by annotation',
      pod: pod({}, { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' }),
      want: 'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")',
    },
    {
      name: 'several at once',
      pod: pod({ hostNetwork: true, volumes: [{ name: 'a', hostPath: { path: '/' } }] }),
      want: 'host namespaces (hostNetwork=true), hostPath volumes (volume "a")',
    },
  ])('at the level baseline: $name', async ({ pod: made, want }) => {
    expect(await ask(podSecurity, attributes('pods', made), space({ enforce: 'baseline' }))).toBe(
      want && refused('baseline', want),
    );
    expect(await ask(podSecurity, attributes('pods', made), space({ enforce: 'privileged' }))).toBeUndefined();
  });

  const good: SecurityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  it.each<{ name: string; pod: Pod; want: string | undefined }>([
    { name: 'a careful pod', pod: secured(good), want: undefined },
    {
      name: 'a plain pod',
      pod: pod(),
      want: 'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    },
    {
      name: 'capabilities added',
      pod: secured({ ...good, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'CHOWN'] } }),
      want: 'unrestricted capabilities (container "c" must not include "CHOWN" in securityContext.capabilities.add)',
    },
    {
      name: 'root',
      pod: secured({ ...good, runAsUser: 0 }),
      want: 'runAsUser=0 (container "c" must not set runAsUser=0)',
    },
    {
      name: 'root allowed',
      pod: secured({ ...good, runAsNonRoot: false }),
      want: 'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)',
    },
    {
      name: 'volumes',
      pod: pod({
        containers: [{ name: 'c', securityContext: good }],
        volumes: [
          { name: 'a', emptyDir: {} },
          { name: 'b', hostPath: { path: '/' } },
          { name: 'd', nfs: { server: 's', path: '/' } },
        ],
      }),
      want: 'restricted volume types (volumes "b", "d" use restricted volume types "hostPath", "nfs")',
    },
  ])('at the level restricted: $name', async ({ pod: made, want }) =>
    expect(await ask(podSecurity, attributes('pods', made), space({ enforce: 'restricted' }))).toBe(
      want && refused('restricted', want),
    ),
  );

  it('knows older versions of the standard', async () => {
    const probing = pod({ containers: [{ name: 'c', livenessProbe: { httpGet: { port: 80, host: '1.2.3.4' } } }] });
    expect(
      await ask(podSecurity, attributes('pods', probing), space({ enforce: 'baseline', 'enforce-version': 'v1.33' })),
    ).toBeUndefined();
    const root = secured({ ...good, runAsUser: 0 });
    expect(
      await ask(podSecurity, attributes('pods', root), space({ enforce: 'restricted', 'enforce-version': 'v1.22' })),
    ).toBeUndefined();
  });

  it('warns, and annotates for the audit, without refusing', async () => {
    const request = attributes('pods', pod({ hostPID: true }));
    expect(
      await ask(podSecurity, request, space({ warn: 'baseline', audit: 'baseline', 'audit-version': 'v1.30' })),
    ).toBeUndefined();
    expect(request.warnings).toEqual(['would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)']);
    expect(request.annotations).toEqual({
      [`${prefix}enforce-policy`]: 'privileged:latest',
      [`${prefix}audit-violations`]: 'would violate PodSecurity "baseline:v1.30": host namespaces (hostPID=true)',
    });
  });

  it('warns of workloads whose pods would be refused or warned of', async () => {
    const template = { metadata: {}, spec: pod({ hostPID: true }).spec };
    const request = attributes('apps/deployments', { kind: 'Deployment', metadata: { name: 'd' }, spec: { template } });
    expect(await ask(podSecurity, request, space({ enforce: 'baseline', warn: 'baseline' }))).toBeUndefined();
    expect(request.warnings).toHaveLength(1);
    const cron = attributes('batch/cronjobs', {
      kind: 'CronJob',
      metadata: { name: 'd' },
      spec: { jobTemplate: { spec: { template } } },
    });
    await ask(podSecurity, cron, space({ warn: 'baseline' }));
    expect(cron.warnings).toHaveLength(1);
  });

  it('looks at an update only where it changes what counts', async () => {
    const old = pod({ hostPID: true, containers: [{ name: 'c', image: 'a' }] });
    const update = (fresh: Pod) => attributes('pods', fresh, { operation: 'UPDATE', oldObject: old as never });
    const read = space({ enforce: 'baseline' });
    expect(
      await ask(podSecurity, update({ ...old, metadata: { name: 'p', labels: { x: 'y' } } }), read),
    ).toBeUndefined();
    expect(
      await ask(podSecurity, update(pod({ hostPID: true, containers: [{ name: 'c', image: 'b' }] })), read),
    ).toContain('violates PodSecurity');
    expect(
      await ask(
        podSecurity,
        update({ ...old, spec: { containers: [], ...old.spec, ephemeralContainers: [{ name: 'debug' }] } }),
        read,
      ),
    ).toContain('violates PodSecurity');
  });

  describe('labels of a namespace', () => {
    const namespace = (of: Record<string, string>) => ({
      kind: 'Namespace',
      metadata: { name: 'n', labels: labels(of) },
    });
    it('must make sense', async () => {
      const text = await ask(
        podSecurity,
        attributes('namespaces', namespace({ enforce: 'strict', 'warn-version': '1.2' }), { namespace: '' }),
      );
      expect(text).toBe(
        'Namespace "n" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"]',
      );
      const unchanged = {
        operation: 'UPDATE' as const,
        oldObject: namespace({ enforce: 'strict' }) as never,
        namespace: '',
      };
      expect(
        await ask(podSecurity, attributes('namespaces', namespace({ enforce: 'strict' }), unchanged)),
      ).toBeUndefined();
    });

    it('that are tightened tell which pods would not be allowed', async () => {
      const inside = (name: string, spec: Partial<PodSpec>) => ({ ...pod(spec), metadata: { name, namespace: 'n' } });
      const read = reader({
        pods: [
          inside('b', { hostPID: true }),
          inside('a', { hostPID: true }),
          inside('c', { hostPID: true }),
          inside('d', { hostIPC: true, volumes: [{ name: 'v', hostPath: { path: '/' } }] }),
          inside('e', {}),
        ],
      });
      const request = attributes('namespaces', namespace({ enforce: 'baseline' }), {
        operation: 'UPDATE',
        oldObject: namespace({}) as never,
        namespace: '',
      });
      expect(await ask(podSecurity, request, read)).toBeUndefined();
      expect(request.warnings).toEqual([
        'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:latest"',
        'a (and 2 other pods): host namespaces',
        'd: host namespaces, hostPath volumes',
      ]);
    });
  });
});
