import { type Faults, invalid } from '../../checks.ts';

export function checkNoBacksteps(faults: Faults, path: string, value: string): void {
  if (value.includes('..') && value.split('/').includes('..'))
    faults.push(invalid(path, value, "must not contain '..'"));
}

/** Relative and not leading out. */
export function checkLocalDescendingPath(faults: Faults, path: string, value: string): void {
  if (value.startsWith('/')) faults.push(invalid(path, value, 'must be a relative path'));
  checkNoBacksteps(faults, path, value);
}

/** Names that begin with two dots belong to the writer of atomic volumes. */
export function checkLocalNonReservedPath(faults: Faults, path: string, value: string): void {
  checkLocalDescendingPath(faults, path, value);
  if (value.startsWith('..') && !value.startsWith('../')) faults.push(invalid(path, value, "must not start with '..'"));
}
