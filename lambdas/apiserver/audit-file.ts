/** Writes audit lines to a file that is kept within bounds, without holding up any request. */
import type { Logger } from '@nodeless/component-base/logger';
import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import type { AuditSink } from './audit.ts';

export interface AuditFile extends AuditSink {
  /** Writes what is queued and closes the file. */
  close(): Promise<void>;
}

export interface AuditFileOptions {
  readonly path: string;
  /** Beyond this the file becomes `<path>.1` and a new one is begun. Default 100 MiB. */
  readonly maxBytes?: number;
  readonly log: Logger;
}

const flushMs = 200;
/** What the disk cannot keep up with is dropped and counted: the API goes on. */
const maxQueued = 64 * 1024 * 1024;

export async function openAuditFile(options: AuditFileOptions): Promise<AuditFile> {
  const { path, maxBytes = 100 * 1024 * 1024, log } = options;
  let file: FileHandle = await open(path, 'a', 0o600);
  let size = (await stat(path)).size;
  let queue: string[] = [];
  let queued = 0;
  let dropped = 0;
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const writeOut = async (lines: string[]): Promise<void> => {
    const text = lines.join('');
    try {
      if (size > maxBytes) {
        await file.close();
        await rename(path, `${path}.1`);
        file = await open(path, 'a', 0o600);
        size = 0;
      }
      await file.appendFile(text);
      size += Buffer.byteLength(text);
    } catch (error) {
      log.warn('audit log could not be written', { path, error: String(error) });
    }
  };
  const flush = (): void => {
    timer = undefined;
    if (queue.length === 0) return;
    const lines = queue;
    if (dropped > 0) log.warn('audit events dropped', { dropped });
    [queue, queued, dropped] = [[], 0, 0];
    writing = writing.then(() => writeOut(lines));
  };
  return {
    write(line) {
      if (queued > maxQueued) {
        dropped++;
        return;
      }
      queue.push(line, '\n');
      queued += line.length;
      if (!timer) {
        timer = setTimeout(flush, flushMs);
        timer.unref();
      }
    },
    async close() {
      clearTimeout(timer);
      flush();
      await writing;
      await file.close();
    },
  };
}
