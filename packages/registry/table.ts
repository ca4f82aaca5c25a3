/** metav1.Table columns and rows, as kube-apiserver's printers make them. */
import type { UnknownObject } from '@nodeless/apimachinery/object';

export interface ColumnDefinition {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** 'name' for the Name column, else ''. */
  readonly format: string;
  readonly description: string;
  /** 0 = always shown; 1 = only with -o wide. */
  readonly priority: number;
}

/** Cells in the order of the columns. `now` in ms, for ages (`5m`, `3d4h`: apimachinery/duration.ts). */
export type RowPrinter = (
  object: Readonly<UnknownObject>,
  now: number,
) => {
  readonly cells: readonly unknown[];
  /** Row conditions (a completed pod: {type: Completed, status: True, reason, message}). */
  readonly conditions?: readonly Record<string, unknown>[];
};
