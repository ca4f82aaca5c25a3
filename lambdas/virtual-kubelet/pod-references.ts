import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';

/** The names of objects in the pod's own namespace that it cannot start without being read (or found absent). */
export interface ReferencedNames {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
  readonly pullSecrets: ReadonlySet<string>;
  readonly tokens: readonly { readonly audience: string; readonly expirationSeconds: number }[];
}

/** `withVolumes` false: only what environments need. */
export function referencesOf(pod: Pod, withVolumes = true): ReferencedNames {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  const claims = new Set<string>();
  const tokens: { audience: string; expirationSeconds: number }[] = [];
  const add = (set: Set<string>, name: string | undefined): void => {
    if (name) set.add(name);
  };
  const spec = pod.spec;
  for (const container of [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ]) {
    for (const from of container.envFrom ?? []) {
      add(configMaps, from.configMapRef?.name);
      add(secrets, from.secretRef?.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      add(configMaps, valueFrom?.configMapKeyRef?.name);
      add(secrets, valueFrom?.secretKeyRef?.name);
    }
  }
  for (const volume of withVolumes ? (spec?.volumes ?? []) : []) {
    add(configMaps, volume.configMap?.name);
    add(secrets, volume.secret?.secretName);
    add(claims, volume.persistentVolumeClaim?.claimName);
    for (const source of volume.projected?.sources ?? []) {
      add(configMaps, source.configMap?.name);
      add(secrets, source.secret?.name);
      if (source.serviceAccountToken) {
        const { audience = '', expirationSeconds = 3600 } = source.serviceAccountToken;
        tokens.push({ audience, expirationSeconds });
      }
    }
  }
  const pullSecrets = new Set((spec?.imagePullSecrets ?? []).map((s) => s.name ?? '').filter((name) => name !== ''));
  return { configMaps, secrets, claims, pullSecrets, tokens };
}
