import type { Deployment, ReplicaSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';
export const templateHashLabel = 'pod-template-hash';

/** Annotations of a Deployment that its ReplicaSets do not inherit. */
const notCopied = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  'deprecated.deployment.rollback.to',
]);

export function revisionOf(replicaSet: ReplicaSet): number {
  return Number.parseInt(replicaSet.metadata?.annotations?.[revisionAnnotation] ?? '0', 10) || 0;
}

/** Equal but for the hash label that only ReplicaSets carry. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return semanticEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  const labels = template?.metadata?.labels;
  if (!template || !labels || !(templateHashLabel in labels)) return template;
  const { [templateHashLabel]: _, ...others } = labels;
  return { ...template, metadata: { ...template.metadata, labels: others } };
}

/** The ReplicaSet of the Deployment's current template; the oldest where, by accident, there are several. */
export function newReplicaSet(deployment: Deployment, replicaSets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return byAge(replicaSets).find((rs) => sameTemplate(rs.spec?.template, deployment.spec?.template));
}

export function byAge(replicaSets: readonly ReplicaSet[]): ReplicaSet[] {
  const time = (rs: ReplicaSet): number => Date.parse(rs.metadata?.creationTimestamp ?? '') || 0;
  return replicaSets.toSorted(
    (a, b) => time(a) - time(b) || (a.metadata?.name ?? '').localeCompare(b.metadata?.name ?? ''),
  );
}

/**
 * A name-safe hash of a template and the collision count (FNV-1a, written with letters and digits that spell no words). Equal for
 * equal templates, in whatever order their fields came.
 */
export function templateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  let hash = 0x811c9dc5;
  for (const char of `${JSON.stringify(withoutHash(template), sortedKeys)}${collisionCount ?? ''}`) {
    hash = Math.imul(hash ^ (char.codePointAt(0) as number), 0x01000193) >>> 0;
  }
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  return [...String(hash)].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('');
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the new ReplicaSet's annotations should be at `revision`. */
export function replicaSetAnnotations(
  deployment: Deployment,
  known: Readonly<Record<string, string>> | undefined,
  revision: number,
): Record<string, string> {
  const copied = Object.entries(deployment.metadata?.annotations ?? {}).filter(([key]) => !notCopied.has(key));
  const annotations: Record<string, string> = { ...known, ...Object.fromEntries(copied) };
  const before = Number.parseInt(known?.[revisionAnnotation] ?? '0', 10) || 0;
  if (before < revision) {
    annotations[revisionAnnotation] = String(revision);
    if (before > 0)
      annotations[revisionHistoryAnnotation] = [known?.[revisionHistoryAnnotation], before].filter(Boolean).join(',');
  }
  return annotations;
}
