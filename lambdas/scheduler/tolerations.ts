import type { Taint, Toleration } from '@nodeless/apimachinery/generated/types/core/v1';

/** Whether one of the tolerations tolerates the taint (k8s.io/component-helpers' rule; Lt and Gt compare integers). */
export function tolerates(
  tolerations: readonly Toleration[] | undefined,
  taint: Pick<Taint, 'key' | 'value' | 'effect'>,
): boolean {
  return (tolerations ?? []).some((t) => {
    if (t.effect && t.effect !== taint.effect) return false;
    if (t.key && t.key !== taint.key) return false;
    switch (t.operator || 'Equal') {
      case 'Exists':
        return true;
      case 'Equal':
        return (t.key ?? '') === taint.key && (t.value ?? '') === (taint.value ?? '');
      default:
        return false;
    }
  });
}

/** The first taint with one of these effects that is not tolerated. */
export function untolerated(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly string[],
): Taint | undefined {
  return (taints ?? []).find((taint) => effects.includes(taint.effect) && !tolerates(tolerations, taint));
}
