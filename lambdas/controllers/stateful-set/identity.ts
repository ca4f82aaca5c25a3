/** Names, labels and claims that make a StatefulSet's pods who they are. */
import type { StatefulSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import type {
  PersistentVolumeClaim,
  Pod,
  PodTemplateSpec,
  Volume,
} from '@nodeless/apimachinery/generated/types/core/v1';
import type { OwnerReference } from '@nodeless/apimachinery/generated/types/meta/v1';
import { revisionLabel } from '../controller-revisions.ts';
import { controllerReference } from '../ownership.ts';
import { podFromTemplate } from '../replicas.ts';

export const podNameLabel = 'statefulset.kubernetes.io/pod-name';
export const podIndexLabel = 'apps.kubernetes.io/pod-index';

export const startOrdinal = (set: StatefulSet): number => set.spec?.ordinals?.start ?? 0;
export const podName = (set: StatefulSet, ordinal: number): string => `${set.metadata?.name}-${ordinal}`;

/** The ordinal in the name; undefined where the name is not one of this set's. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const match = /^(.*)-([0-9]+)$/.exec(pod.metadata?.name ?? '');
  return match && match[1] === set.metadata?.name ? Number(match[2]) : undefined;
}

export const revisionOf = (pod: Pod): string => pod.metadata?.labels?.[revisionLabel] ?? '';

export function newPod(set: StatefulSet, template: PodTemplateSpec, revision: string, ordinal: number): Pod {
  const pod = podFromTemplate(template, set);
  const { generateName: _, ...metadata } = pod.metadata ?? {};
  const name = podName(set, ordinal);
  return withIdentity(
    set,
    { ...pod, metadata: { ...metadata, name, labels: { ...metadata.labels, [revisionLabel]: revision } } },
    ordinal,
  );
}

export function identityLabels(set: StatefulSet, ordinal: number): Record<string, string> {
  return { [podNameLabel]: podName(set, ordinal), [podIndexLabel]: String(ordinal) };
}

/** The pod with the name, network identity and claims that its ordinal gives it. */
function withIdentity(set: StatefulSet, pod: Pod, ordinal: number): Pod {
  const name = podName(set, ordinal);
  const claims: Volume[] = claimNames(set, ordinal).map(({ template, name: claimName }) => ({
    name: template,
    persistentVolumeClaim: { claimName },
  }));
  const volumes = [...(pod.spec?.volumes ?? []).filter((v) => !claims.some((c) => c.name === v.name)), ...claims];
  return {
    ...pod,
    metadata: { ...pod.metadata, name, labels: { ...pod.metadata?.labels, ...identityLabels(set, ordinal) } },
    spec: {
      containers: [],
      ...pod.spec,
      hostname: name,
      ...(set.spec?.serviceName ? { subdomain: set.spec.serviceName } : {}),
      ...(volumes.length > 0 ? { volumes } : {}),
    },
  };
}

/** What a pod may be given later (an adopted one): its labels. Names and volumes cannot change. */
export function hasIdentity(set: StatefulSet, pod: Pod, ordinal: number): boolean {
  const labels = pod.metadata?.labels ?? {};
  return labels[podNameLabel] === podName(set, ordinal) && labels[podIndexLabel] === String(ordinal);
}

function claimNames(set: StatefulSet, ordinal: number): { template: string; name: string }[] {
  return (set.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => ({
    template: metadata?.name ?? '',
    name: `${metadata?.name}-${podName(set, ordinal)}`,
  }));
}

/** The claims of one ordinal, as they are made. */
export function claimsOf(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      ...(template.metadata?.annotations && { annotations: template.metadata.annotations }),
      name: `${template.metadata?.name}-${podName(set, ordinal)}`,
      namespace: set.metadata?.namespace,
      labels: { ...template.metadata?.labels, ...set.spec?.selector.matchLabels },
    },
    spec: template.spec,
  }));
}

/**
 * The claim's owners under the set's retention policy: the set where claims go with it, the pod where they go when it is
 * scaled away. undefined: they are right already. `condemned`: the pod that is to be scaled away.
 */
export function claimOwners(
  set: StatefulSet,
  claim: PersistentVolumeClaim,
  condemned: Pod | undefined,
): OwnerReference[] | undefined {
  const { whenDeleted, whenScaled } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  const byPod = whenScaled === 'Delete' && condemned !== undefined;
  const bySet = whenDeleted === 'Delete' && !byPod;
  const known = claim.metadata?.ownerReferences ?? [];
  const others = known.filter(
    (o) =>
      o.uid !== set.metadata?.uid && !(o.kind === 'Pod' && o.apiVersion === 'v1' && o.name === podOfClaim(set, claim)),
  );
  const wanted = [
    ...others,
    ...(bySet ? [controllerReference(set)] : []),
    ...(byPod
      ? [
          {
            apiVersion: 'v1',
            kind: 'Pod',
            name: condemned.metadata?.name ?? '',
            uid: condemned.metadata?.uid ?? '',
            controller: true,
            blockOwnerDeletion: true,
          },
        ]
      : []),
  ];
  const same = wanted.length === known.length && wanted.every((o) => known.some((k) => k.uid === o.uid));
  return same ? undefined : wanted;
}

function podOfClaim(set: StatefulSet, claim: PersistentVolumeClaim): string | undefined {
  const template = (set.spec?.volumeClaimTemplates ?? []).find((t) =>
    claim.metadata?.name?.startsWith(`${t.metadata?.name}-`),
  );
  return template && claim.metadata?.name?.slice((template.metadata?.name?.length ?? 0) + 1);
}
