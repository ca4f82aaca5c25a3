import type { KubernetesObject } from '../object.ts';
import { type FieldSet, difference, intersection, union } from './field-set.ts';
import type { Manager, Managers } from './managed-fields.ts';
import { removeItems, withNamedFields } from './remove-items.ts';
import { toFieldSet } from './to-field-set.ts';
import type { TypedNode } from './typed-schema.ts';
import type { FieldContext } from './update-managed-fields.ts';

/**
 * Removes what the applier had applied before and does not apply now, unless somebody else owns it
 * (structured-merge-diff, merge.Updater.prune). `last` is the applier's entry of before, `managers` has its new one.
 */
export function prune(
  merged: Readonly<KubernetesObject>,
  managers: Managers,
  last: Manager | undefined,
  context: FieldContext,
): Readonly<KubernetesObject> {
  if (last === undefined) return merged;
  const view = viewOf(last.apiVersion, context);
  if (view === undefined) return merged;
  const node = view.node;
  const whole = view.convert(merged);
  const removed = removeItems(node, whole, withNamedFields(node, last.fields)) as KubernetesObject;
  const kept = view.convert(addBackOwned(merged, view.convertBack(removed), last.apiVersion, managers, context));
  return view.convertBack(addBackDangling(node, whole, kept, last.fields));
}

interface View {
  readonly node: TypedNode;
  convert(object: Readonly<KubernetesObject>): Readonly<KubernetesObject>;
  convertBack(object: Readonly<KubernetesObject>): Readonly<KubernetesObject>;
}

const same = (object: Readonly<KubernetesObject>): Readonly<KubernetesObject> => object;

function viewOf(apiVersion: string, { schema, apiVersion: own, inVersion }: FieldContext): View | undefined {
  if (apiVersion === own || inVersion === undefined) return { node: schema.root, convert: same, convertBack: same };
  const view = inVersion(apiVersion);
  return view && { node: view.schema.root, convert: (o) => view.convert(o), convertBack: (o) => view.convertBack(o) };
}

/** Puts back what any manager, the applier's new set included, owns. Each version in its own terms, that of the pruned set first. */
function addBackOwned(
  merged: Readonly<KubernetesObject>,
  pruned: Readonly<KubernetesObject>,
  prunedVersion: string,
  managers: Managers,
  context: FieldContext,
): Readonly<KubernetesObject> {
  const owned = new Map<string, FieldSet | undefined>();
  for (const { apiVersion, fields } of managers.values()) owned.set(apiVersion, union(owned.get(apiVersion), fields));
  const versions = [...owned.keys()].sort((a, b) => Number(b === prunedVersion) - Number(a === prunedVersion));
  let out = pruned;
  for (const version of versions) {
    const view = viewOf(version, context);
    if (view === undefined) continue;
    const { node } = view;
    const whole = view.convert(merged);
    const keep = union(
      withNamedFields(node, toFieldSet(node, view.convert(out))),
      withNamedFields(node, owned.get(version)),
    );
    out = view.convertBack(
      removeItems(node, whole, difference(withNamedFields(node, toFieldSet(node, whole)), keep)) as KubernetesObject,
    );
  }
  return out;
}

/** Puts back what the applier did not own either: only what it applied before goes. */
function addBackDangling(
  node: TypedNode,
  merged: Readonly<KubernetesObject>,
  pruned: Readonly<KubernetesObject>,
  last: FieldSet,
): Readonly<KubernetesObject> {
  const gone = difference(
    withNamedFields(node, toFieldSet(node, merged)),
    withNamedFields(node, toFieldSet(node, pruned)),
  );
  return removeItems(node, merged, intersection(gone, withNamedFields(node, last))) as KubernetesObject;
}
