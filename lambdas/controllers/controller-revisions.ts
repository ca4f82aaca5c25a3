/** What StatefulSets and DaemonSets share: their templates' history, kept in ControllerRevisions that `kubectl rollout` reads. */
import type { ControllerRevision } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { isAlreadyExists } from '@nodeless/apimachinery/status';
import { controllerRevisions } from '@nodeless/client/resource-types';
import { type Action, create, remove, update } from '@nodeless/controller-runtime/actions';
import type { ReconcileContext } from '@nodeless/controller-runtime/controller';
import { templateHash } from './deployment/revision.ts';
import { controllerReference, isControlledBy } from './ownership.ts';

/** The label of a pod that names the revision it was made of. */
export const revisionLabel = 'controller-revision-hash';

/** The state of a template as upstream writes it: a strategic merge patch that puts it back. */
export function revisionData(template: PodTemplateSpec | undefined): Record<string, unknown> {
  return { spec: { template: { ...template, $patch: 'replace' } } };
}

/** The template that a revision holds. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const data = revision.data as { spec?: { template?: Record<string, unknown> } } | undefined;
  const { $patch: _, ...template } = data?.spec?.template ?? {};
  return template as unknown as PodTemplateSpec;
}

export interface RevisionOptions {
  readonly owner: KubernetesObject;
  readonly template: PodTemplateSpec | undefined;
  readonly collisionCount: number | undefined;
  /** Made of the template's hash: what upstream labels revisions of this kind with. */
  readonly labels: (hash: string) => Record<string, string>;
  readonly annotations: Record<string, string> | undefined;
}

export interface History {
  /** The revision of the current template: to be made by `actions` where it is new. */
  readonly current: ControllerRevision;
  /** All that exist, oldest first; `current` stands last among them where it exists. */
  readonly known: readonly ControllerRevision[];
  /** Makes the current revision, or gives it the highest number where an old template came back. */
  readonly actions: readonly Action[];
}

export function planHistory(revisions: readonly ControllerRevision[], options: RevisionOptions): History {
  const sorted = revisions.toSorted(
    (a, b) =>
      a.revision - b.revision ||
      text(a.metadata?.creationTimestamp) - text(b.metadata?.creationTimestamp) ||
      (nameOf(a) < nameOf(b) ? -1 : 1),
  );
  const data = revisionData(options.template);
  const next = (sorted.at(-1)?.revision ?? 0) + 1;
  const equal = sorted.findLast((revision) => semanticEqual(revision.data, data));
  if (!equal) {
    const fresh = newRevision(options, data, next);
    return { current: fresh, known: sorted, actions: [create(controllerRevisions, fresh)] };
  }
  if (equal === sorted.at(-1)) return { current: equal, known: sorted, actions: [] };
  const renumbered = { ...equal, revision: next };
  return {
    current: renumbered,
    known: [...sorted.filter((r) => r !== equal), renumbered],
    actions: [update(controllerRevisions, renumbered)],
  };
}

const nameOf = ({ metadata }: { metadata?: ObjectMeta }): string => metadata?.name ?? '';
const text = (time: string | undefined): number => Date.parse(time ?? '') || 0;

function newRevision(
  { owner, template, collisionCount, labels, annotations }: RevisionOptions,
  data: Record<string, unknown>,
  revision: number,
): ControllerRevision {
  const hash = templateHash(template ?? {}, collisionCount);
  // Cut so that the hash always fits into a name.
  const name = `${nameOf(owner).slice(0, 223)}-${hash}`;
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name,
      namespace: owner.metadata?.namespace,
      labels: labels(hash),
      ...(annotations && { annotations }),
      ownerReferences: [controllerReference(owner)],
    },
    data: data as ControllerRevision['data'],
    revision,
  };
}

/** Old revisions beyond the limit, oldest first, except those that are `live`: in use by pods or by the status. */
export function planHistoryCleanup(
  known: readonly ControllerRevision[],
  limit: number | undefined,
  live: (revision: ControllerRevision) => boolean,
): Action[] {
  const old = known.filter((revision) => !live(revision));
  const surplus = Math.max(0, old.length - (limit ?? 10));
  return old
    .slice(0, surplus)
    .map(({ metadata }) =>
      remove(
        controllerRevisions,
        { namespace: metadata?.namespace, name: metadata?.name ?? '' },
        { preconditions: { uid: metadata?.uid } },
      ),
    );
}

/**
 * Whether a failed create of this revision means that its name is taken by another template, so that a higher collision count
 * is needed; false where it is ours already.
 */
export async function isCollision(
  error: unknown,
  action: Action | undefined,
  owner: KubernetesObject,
  { client }: ReconcileContext,
): Promise<boolean> {
  if (!isAlreadyExists(error) || action?.do !== 'create' || action.type.resource !== controllerRevisions.resource)
    return false;
  const { namespace, name = '' } = action.object.metadata ?? {};
  const existing = await client.get(controllerRevisions, { namespace, name });
  return !isControlledBy(existing, owner) || !semanticEqual(existing.data, (action.object as ControllerRevision).data);
}
