/** The checks that the `restricted` Pod Security Standard has beyond those of baseline. */
import type { Pod, Volume } from '@nodeless/apimachinery/generated/types/core/v1';
import { allContainers, containerList, type PodCheck, pluralize, quoteList } from './check.ts';

const allowedVolumes = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);
const isWindows = (pod: Pod): boolean => pod.spec?.os?.name === 'windows';

const restrictedTypes = new Set([
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
]);

const volumeType = (volume: Volume): string =>
  Object.keys(volume).find(
    (key) =>
      (allowedVolumes.has(key) || restrictedTypes.has(key)) &&
      (volume as unknown as Record<string, unknown>)[key] !== undefined,
  ) ?? 'unknown';

export const restrictedChecks: readonly PodCheck[] = [
  {
    id: 'allowPrivilegeEscalation',
    since: 8,
    check(pod) {
      if (isWindows(pod)) return undefined;
      const names = allContainers(pod)
        .filter((c) => c.securityContext?.allowPrivilegeEscalation !== false)
        .map((c) => c.name);
      return names.length > 0
        ? {
            reason: 'allowPrivilegeEscalation != false',
            detail: `${containerList(names)} must set securityContext.allowPrivilegeEscalation=false`,
          }
        : undefined;
    },
  },
  {
    id: 'capabilities_restricted',
    since: 22,
    check(pod) {
      if (isWindows(pod)) return undefined;
      const undropped = allContainers(pod)
        .filter((c) => !c.securityContext?.capabilities?.drop?.includes('ALL'))
        .map((c) => c.name);
      const added = new Set<string>();
      const adding = allContainers(pod)
        .filter(
          (c) =>
            (c.securityContext?.capabilities?.add ?? []).filter(
              (name) => name !== 'NET_BIND_SERVICE' && added.add(name),
            ).length > 0,
        )
        .map((c) => c.name);
      const details = [
        ...(undropped.length > 0
          ? [`${containerList(undropped)} must set securityContext.capabilities.drop=["ALL"]`]
          : []),
        ...(adding.length > 0
          ? [
              `${containerList(adding)} must not include ${quoteList([...added].toSorted())} in securityContext.capabilities.add`,
            ]
          : []),
      ];
      return details.length > 0 ? { reason: 'unrestricted capabilities', detail: details.join('; ') } : undefined;
    },
  },
  {
    id: 'restrictedVolumes',
    check({ spec }) {
      const bad = (spec?.volumes ?? []).filter((volume) => !allowedVolumes.has(volumeType(volume)));
      if (bad.length === 0) return undefined;
      const types = [...new Set(bad.map(volumeType))].toSorted();
      return {
        reason: 'restricted volume types',
        detail: `${pluralize('volume', 'volumes', bad.length)} ${quoteList(bad.map((v) => v.name))} ${pluralize('uses', 'use', bad.length)} restricted volume ${pluralize('type', 'types', types.length)} ${quoteList(types)}`,
      };
    },
  },
  {
    id: 'runAsNonRoot',
    check(pod) {
      const podSetting = pod.spec?.securityContext?.runAsNonRoot;
      const explicit = allContainers(pod)
        .filter((c) => c.securityContext?.runAsNonRoot === false)
        .map((c) => c.name);
      const implicit = allContainers(pod)
        .filter((c) => c.securityContext?.runAsNonRoot === undefined)
        .map((c) => c.name);
      const setters = [
        ...(podSetting === false ? ['pod'] : []),
        ...(explicit.length > 0 ? [containerList(explicit)] : []),
      ];
      if (setters.length > 0)
        return {
          reason: 'runAsNonRoot != true',
          detail: `${setters.join(' and ')} must not set securityContext.runAsNonRoot=false`,
        };
      if (podSetting === true || implicit.length === 0) return undefined;
      return {
        reason: 'runAsNonRoot != true',
        detail: `pod or ${containerList(implicit)} must set securityContext.runAsNonRoot=true`,
      };
    },
  },
  {
    id: 'runAsUser',
    since: 23,
    check(pod) {
      const setters = pod.spec?.securityContext?.runAsUser === 0 ? ['pod'] : [];
      const names = allContainers(pod)
        .filter((c) => c.securityContext?.runAsUser === 0)
        .map((c) => c.name);
      if (names.length > 0) setters.push(containerList(names));
      return setters.length > 0
        ? { reason: 'runAsUser=0', detail: `${setters.join(' and ')} must not set runAsUser=0` }
        : undefined;
    },
  },
  {
    id: 'seccompProfile_restricted',
    since: 19,
    check(pod) {
      if (isWindows(pod)) return undefined;
      const good = new Set(['RuntimeDefault', 'Localhost']);
      const podType = pod.spec?.securityContext?.seccompProfile?.type;
      const podBad = podType !== undefined && !good.has(podType);
      const explicit = allContainers(pod)
        .filter((c) => c.securityContext?.seccompProfile && !good.has(c.securityContext.seccompProfile.type))
        .map((c) => c.name);
      const implicit = allContainers(pod)
        .filter((c) => !c.securityContext?.seccompProfile)
        .map((c) => c.name);
      const values = [
        ...new Set([
          ...(podBad ? [podType] : []),
          ...allContainers(pod)
            .map((c) => c.securityContext?.seccompProfile?.type)
            .filter((t) => t !== undefined && !good.has(t)),
        ]),
      ] as string[];
      const setters = [...(podBad ? ['pod'] : []), ...(explicit.length > 0 ? [containerList(explicit)] : [])];
      if (setters.length > 0)
        return {
          reason: 'seccompProfile',
          detail: `${setters.join(' and ')} must not set securityContext.seccompProfile.type to ${quoteList(values.toSorted())}`,
        };
      if (podType !== undefined || implicit.length === 0) return undefined;
      return {
        reason: 'seccompProfile',
        detail: `pod or ${containerList(implicit)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
      };
    },
  },
];
