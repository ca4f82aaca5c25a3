import type { ResolvedVolume } from '../providers/provider.ts';

/** The volumes as they were where their content is the same, so that what has been written is not written again. */
export function sameVolumes(
  before: readonly ResolvedVolume[] | undefined,
  after: readonly ResolvedVolume[],
): readonly ResolvedVolume[] {
  if (!before || before.length !== after.length) return after;
  return after.every((volume, i) => sameVolume(before[i], volume)) ? before : after;
}

function sameVolume(before: ResolvedVolume | undefined, after: ResolvedVolume): boolean {
  if (before?.kind !== after.kind || before.name !== after.name) return false;
  if (after.kind !== 'files' || before.kind !== 'files') return true;
  if (after.files.length !== before.files.length) return false;
  return after.files.every((file, i) => {
    const old = before.files[i];
    return (
      old !== undefined &&
      old.path === file.path &&
      old.mode === file.mode &&
      Buffer.from(old.content).equals(file.content)
    );
  });
}
