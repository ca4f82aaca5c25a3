/** The checks of the `baseline` Pod Security Standard, with the reasons and details of upstream's policy library. */
import type { Pod, SeccompProfile, SecurityContext } from '@nodeless/apimachinery/generated/types/core/v1';
import { allContainers, containerList, type PodCheck, pluralize, quoteList } from './check.ts';

const basicCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);
const safeSysctls = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);
const selinuxTypes = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']);

/** Names of containers for whose security context the test holds. */
const containersWhere = (pod: Pod, test: (context: SecurityContext) => boolean): string[] =>
  allContainers(pod)
    .filter((c) => c.securityContext && test(c.securityContext))
    .map((c) => c.name);

const badSeccomp = (profile: SeccompProfile | undefined): boolean => profile?.type === 'Unconfined';

export const baselineChecks: readonly PodCheck[] = [
  {
    id: 'appArmorProfile',
    check(pod) {
      const bad = (profile: { type: string } | undefined): boolean =>
        profile !== undefined && profile.type !== 'RuntimeDefault' && profile.type !== 'Localhost';
      const values = new Set<string>();
      const note = (profile: { type: string } | undefined): boolean =>
        bad(profile) && Boolean(values.add(profile?.type ?? ''));
      const setters = note(pod.spec?.securityContext?.appArmorProfile) ? ['pod'] : [];
      const containers = containersWhere(pod, (c) => note(c.appArmorProfile));
      if (containers.length > 0) setters.push(containerList(containers));
      const annotations = Object.entries(pod.metadata?.annotations ?? {})
        .filter(
          ([key, value]) =>
            key.startsWith('container.apparmor.security.beta.kubernetes.io/') &&
            value !== '' &&
            value !== 'runtime/default' &&
            !value.startsWith('localhost/'),
        )
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
      if (annotations.length > 0) setters.push(pluralize('annotation', 'annotations', annotations.length));
      if (setters.length === 0) return undefined;
      const list = [...[...values].toSorted(), ...annotations.toSorted()];
      return {
        reason: pluralize('forbidden AppArmor profile', 'forbidden AppArmor profiles', list.length),
        detail: `${setters.join(' and ')} must not set AppArmor profile type to ${quoteList(list)}`,
      };
    },
  },
  {
    id: 'capabilities_baseline',
    check(pod) {
      const forbidden = new Set<string>();
      const names = containersWhere(pod, (c) => {
        const added = (c.capabilities?.add ?? []).filter((name) => !basicCapabilities.has(name));
        for (const name of added) forbidden.add(name);
        return added.length > 0;
      });
      if (names.length === 0) return undefined;
      return {
        reason: 'non-default capabilities',
        detail: `${containerList(names)} must not include ${quoteList([...forbidden].toSorted())} in securityContext.capabilities.add`,
      };
    },
  },
  {
    id: 'hostNamespaces',
    check({ spec }) {
      const used = [
        spec?.hostNetwork && 'hostNetwork=true',
        spec?.hostPID && 'hostPID=true',
        spec?.hostIPC && 'hostIPC=true',
      ].filter(Boolean);
      return used.length > 0 ? { reason: 'host namespaces', detail: used.join(', ') } : undefined;
    },
  },
  {
    id: 'hostPathVolumes',
    overriddenByRestricted: true,
    check({ spec }) {
      const names = (spec?.volumes ?? []).filter((v) => v.hostPath).map((v) => v.name);
      return names.length > 0
        ? { reason: 'hostPath volumes', detail: `${pluralize('volume', 'volumes', names.length)} ${quoteList(names)}` }
        : undefined;
    },
  },
  {
    id: 'hostPorts',
    check(pod) {
      const ports = new Set<number>();
      const names = allContainers(pod)
        .filter((c) => (c.ports ?? []).filter((p) => p.hostPort && ports.add(p.hostPort)).length > 0)
        .map((c) => c.name);
      if (names.length === 0) return undefined;
      const list = [...ports].toSorted((a, b) => a - b);
      return {
        reason: 'hostPort',
        detail: `${containerList(names)} ${pluralize('uses', 'use', names.length)} ${pluralize('hostPort', 'hostPorts', list.length)} ${list.join(', ')}`,
      };
    },
  },
  {
    id: 'hostProbesAndHostLifecycle',
    since: 34,
    check(pod) {
      const names = new Set<string>();
      const hosts = new Set<string>();
      for (const { name, livenessProbe, readinessProbe, startupProbe, lifecycle } of allContainers(pod)) {
        for (const handler of [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop]) {
          for (const host of [handler?.httpGet?.host, handler?.tcpSocket?.host]) {
            if (!host) continue;
            names.add(name);
            hosts.add(host);
          }
        }
      }
      if (names.size === 0) return undefined;
      return {
        reason: 'probe or lifecycle host',
        detail: `${containerList([...names].toSorted())} ${pluralize('uses', 'use', names.size)} ${pluralize('probe or lifecycle host', 'probe or lifecycle hosts', hosts.size)} ${quoteList([...hosts].toSorted())}`,
      };
    },
  },
  {
    id: 'privileged',
    check(pod) {
      const names = containersWhere(pod, (c) => c.privileged === true);
      return names.length > 0
        ? { reason: 'privileged', detail: `${containerList(names)} must not set securityContext.privileged=true` }
        : undefined;
    },
  },
  {
    id: 'procMount',
    check(pod) {
      const forbidden = new Set<string>();
      const names = containersWhere(pod, (c) => {
        if (!c.procMount || c.procMount === 'Default') return false;
        forbidden.add(c.procMount);
        return true;
      });
      return names.length > 0
        ? {
            reason: 'procMount',
            detail: `${containerList(names)} must not set securityContext.procMount to ${quoteList([...forbidden].toSorted())}`,
          }
        : undefined;
    },
  },
  {
    id: 'seLinuxOptions',
    check(pod) {
      const details = new Set<string>();
      const types = new Set<string>();
      const bad = (options: { type?: string; user?: string; role?: string } | undefined): boolean => {
        if (!options) return false;
        const badType = !selinuxTypes.has(options.type ?? '');
        if (badType) types.add(options.type ?? '');
        if (options.user) details.add('user may not be set');
        if (options.role) details.add('role may not be set');
        return badType || Boolean(options.user) || Boolean(options.role);
      };
      const setters = [...(bad(pod.spec?.securityContext?.seLinuxOptions) ? ['pod'] : [])];
      const names = containersWhere(pod, (c) => bad(c.seLinuxOptions));
      if (names.length > 0) setters.push(containerList(names));
      if (setters.length === 0) return undefined;
      const forbidden = [
        ...(types.size > 0 ? [`${pluralize('type', 'types', types.size)} ${quoteList([...types].toSorted())}`] : []),
        ...details,
      ];
      return {
        reason: 'seLinuxOptions',
        detail: `${setters.join(' and ')} set forbidden securityContext.seLinuxOptions: ${forbidden.join('; ')}`,
      };
    },
  },
  {
    id: 'seccompProfile_baseline',
    overriddenByRestricted: true,
    check(pod) {
      const setters = [...(badSeccomp(pod.spec?.securityContext?.seccompProfile) ? ['pod'] : [])];
      const names = containersWhere(pod, (c) => badSeccomp(c.seccompProfile));
      if (names.length > 0) setters.push(containerList(names));
      return setters.length > 0
        ? {
            reason: 'seccompProfile',
            detail: `${setters.join(' and ')} must not set securityContext.seccompProfile.type to "Unconfined"`,
          }
        : undefined;
    },
  },
  {
    id: 'sysctls',
    check({ spec }) {
      const names = (spec?.securityContext?.sysctls ?? []).map((s) => s.name).filter((name) => !safeSysctls.has(name));
      return names.length > 0 ? { reason: `forbidden sysctls`, detail: names.join(', ') } : undefined;
    },
  },
  {
    id: 'windowsHostProcess',
    check(pod) {
      const setters = pod.spec?.securityContext?.windowsOptions?.hostProcess ? ['pod'] : [];
      const names = containersWhere(pod, (c) => c.windowsOptions?.hostProcess === true);
      if (names.length > 0) setters.push(containerList(names));
      return setters.length > 0
        ? {
            reason: 'hostProcess',
            detail: `${setters.join(' and ')} must not set securityContext.windowsOptions.hostProcess=true`,
          }
        : undefined;
    },
  },
];
