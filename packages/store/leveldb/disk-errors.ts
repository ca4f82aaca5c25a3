import { StoreError } from '../store.ts';
import { currentFormat } from './records.ts';

/** What the database said, at the end of the chain of causes. */
function rootCause(error: unknown): { code: string | undefined; message: string } {
  let root = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  if (!(root instanceof Error)) return { code: undefined, message: String(root) };
  const { code } = root as { code?: unknown };
  // LevelDB: "IO error: <file>: <strerror>". The file is an internal matter, the rest is what helps.
  return { code: typeof code === 'string' ? code : undefined, message: root.message.replace(/^IO error: .*: /, '') };
}

export function openError(path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { code, message } = rootCause(error);
  const text =
    code === 'LEVEL_LOCKED'
      ? `the store folder ${path} is in use by another process`
      : code === 'LEVEL_CORRUPTION'
        ? `the store folder ${path} is damaged: ${message}`
        : `the store folder ${path} cannot be opened: ${message}`;
  return new StoreError('unavailable', text, { cause: error });
}

export function writeError(path: string, error: unknown): StoreError {
  return new StoreError('unavailable', `the store cannot write to its folder ${path}: ${rootCause(error).message}`, {
    cause: error,
  });
}

export function formatError(path: string, format: string): StoreError {
  const text =
    Number(format) > currentFormat
      ? `was written by a newer version of this program: its format is ${format}, this version reads ${currentFormat}`
      : `has the unknown format ${JSON.stringify(format)}`;
  return new StoreError('unavailable', `the store folder ${path} ${text}`);
}

export function foreignError(path: string): StoreError {
  return new StoreError('unavailable', `the folder ${path} holds a database that is not a store of this program`);
}
