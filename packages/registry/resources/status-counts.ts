import { checkNonNegative, type Faults, invalid } from './checks.ts';

/** Numbers in a status that cannot be negative. */
export function checkCounts<T extends object>(
  faults: Faults,
  status: Readonly<T>,
  fields: readonly (keyof T & string)[],
): void {
  for (const field of fields) checkNonNegative(faults, `status.${field}`, status[field] as number | undefined);
}

/** Parts of another number. `whole` as the message names it, if not as `status.<whole>`. */
export function checkParts<T extends object>(
  faults: Faults,
  status: Readonly<T>,
  parts: readonly (keyof T & string)[],
  whole: keyof T & string,
  name = `status.${whole}`,
): void {
  const most = (status[whole] as number | undefined) ?? 0;
  for (const part of parts) {
    const count = (status[part] as number | undefined) ?? 0;
    if (count > most) faults.push(invalid(`status.${part}`, count, `cannot be greater than ${name}`));
  }
}

interface Collisions {
  readonly collisionCount?: number;
}

/** Names of revisions are made with it: a number that was used must not come back. */
export function checkCollisionCount(faults: Faults, status: Collisions | undefined, old: Collisions | undefined): void {
  const before = old?.collisionCount;
  if (before === undefined) return;
  const now = status?.collisionCount;
  if (now === undefined || now < before)
    faults.push(invalid('status.collisionCount', now ?? 0, 'cannot be decremented'));
}
