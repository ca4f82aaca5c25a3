import { compareGoStrings } from '../json-writer.ts';
import { ApiError } from '../status.ts';
import { type FieldSet, forEachPath } from './field-set.ts';
import type { Manager } from './managed-fields.ts';
import { type PathElement, displayPath } from './path-element.ts';
import { quoteGo } from '../quote-go.ts';

/** A field that another manager owns and the configuration would change. */
export interface Conflict {
  readonly manager: Manager;
  readonly path: readonly PathElement[];
}

/** Thrown by an apply that is not forced; the door turns it into a 409. */
export class ConflictError extends Error {
  readonly conflicts: readonly Conflict[];
  constructor(conflicts: readonly Conflict[]) {
    super('conflicts');
    this.conflicts = conflicts;
  }
}

/** Sorted by manager; upstream's order among managers is that of a Go map. */
export function conflictsOf(sets: readonly (readonly [Manager, FieldSet])[]): Conflict[] {
  const conflicts: Conflict[] = [];
  for (const [manager, set] of [...sets].sort(([a], [b]) => compareGoStrings(a.id, b.id))) {
    forEachPath(set, (path) => conflicts.push({ manager, path: [...path] }));
  }
  return conflicts;
}

export function applyConflict(conflicts: readonly Conflict[]): ApiError {
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${displayManager(manager)}`,
    field: displayPath(path),
  }));
  return new ApiError({ code: 409, reason: 'Conflict', message: messageOf(conflicts), details: { causes } });
}

function messageOf(conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (first !== undefined && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${displayManager(first.manager)}: ${displayPath(first.path)}`;
  }
  const lines: string[] = [];
  let manager: string | undefined;
  for (const conflict of conflicts) {
    if (conflict.manager.id !== manager) lines.push(`conflicts with ${displayManager(conflict.manager)}:`);
    manager = conflict.manager.id;
    lines.push(`- ${displayPath(conflict.path)}`);
  }
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

function displayManager({ name, subresource, applied, apiVersion }: Manager): string {
  const door = subresource === '' ? '' : ` with subresource ${quoteGo(subresource)}`;
  return `${quoteGo(name)}${door}${applied ? '' : ` using ${apiVersion}`}`;
}
