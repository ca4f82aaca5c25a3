/** The little of the tar format that the engine's archive endpoints need: written in memory, read back one file at a time. */

export type TarEntry =
  | {
      readonly type: 'file';
      readonly path: string;
      readonly content: Uint8Array;
      readonly mode: number;
      readonly uid?: number;
      readonly gid?: number;
    }
  | {
      readonly type: 'directory';
      readonly path: string;
      readonly mode: number;
      readonly uid?: number;
      readonly gid?: number;
    }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string };

const block = 512;
const longestName = 100;

export function packTar(entries: readonly TarEntry[], now: number = Date.now()): Buffer {
  const modified = Math.floor(now / 1000);
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const name = entry.type === 'directory' && !entry.path.endsWith('/') ? `${entry.path}/` : entry.path;
    if (Buffer.byteLength(name) > longestName) parts.push(...longName(name, 'L'));
    const link = entry.type === 'symlink' ? entry.target : '';
    if (Buffer.byteLength(link) > longestName) parts.push(...longName(link, 'K'));
    const size = entry.type === 'file' ? entry.content.length : 0;
    const type = entry.type === 'file' ? '0' : entry.type === 'directory' ? '5' : '2';
    const owner: { readonly uid?: number; readonly gid?: number } = entry.type === 'symlink' ? {} : entry;
    parts.push(
      header({
        name,
        link,
        size,
        type,
        mode: entry.type === 'symlink' ? 0o777 : entry.mode,
        uid: owner.uid ?? 0,
        gid: owner.gid ?? 0,
        modified,
      }),
    );
    if (entry.type === 'file') parts.push(...padded(entry.content));
  }
  parts.push(Buffer.alloc(2 * block));
  return Buffer.concat(parts);
}

/** GNU's way to carry names beyond 100 bytes: an entry of its own before the real one. */
function longName(name: string, type: 'L' | 'K'): Buffer[] {
  const content = Buffer.concat([Buffer.from(name, 'utf8'), Buffer.alloc(1)]);
  return [
    header({ name: '././@LongLink', link: '', size: content.length, type, mode: 0o644, uid: 0, gid: 0, modified: 0 }),
    ...padded(content),
  ];
}

function padded(content: Uint8Array): Buffer[] {
  const rest = content.length % block;
  return [Buffer.from(content), Buffer.alloc(rest === 0 ? 0 : block - rest)];
}

interface Header {
  readonly name: string;
  readonly link: string;
  readonly size: number;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch. */
  readonly modified: number;
}

function header(of: Header): Buffer {
  const buffer = Buffer.alloc(block);
  const octal = (value: number, offset: number, length: number): void =>
    void buffer.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  Buffer.from(of.name, 'utf8').copy(buffer, 0, 0, longestName);
  octal(of.mode & 0o7777, 100, 8);
  octal(of.uid, 108, 8);
  octal(of.gid, 116, 8);
  octal(of.size, 124, 12);
  octal(of.modified, 136, 12);
  buffer.write('        ', 148, 'latin1');
  buffer.write(of.type, 156, 'latin1');
  Buffer.from(of.link, 'utf8').copy(buffer, 157, 0, longestName);
  buffer.write('ustar\u000000', 257, 'latin1');
  let sum = 0;
  for (const byte of buffer) sum += byte;
  buffer.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return buffer;
}

/** The content of the first regular file in an archive; undefined when it holds none. */
export function firstFile(archive: Buffer): Buffer | undefined {
  for (let at = 0; at + block <= archive.length;) {
    if (archive[at] === 0) return undefined;
    const size = Number.parseInt(
      archive
        .toString('latin1', at + 124, at + 136)
        .replace(/\0.*$/, '')
        .trim() || '0',
      8,
    );
    const type = archive.toString('latin1', at + 156, at + 157);
    if (type === '0' || type === '\0') return archive.subarray(at + block, at + block + size);
    at += block + Math.ceil(size / block) * block;
  }
  return undefined;
}
