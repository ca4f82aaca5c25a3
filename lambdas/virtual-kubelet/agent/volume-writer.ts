import { createHash } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AgentFile,
  type AgentFolder,
  type AgentVolume,
  sharedVolumeName,
  type TokenQuery,
} from './agent-protocol.ts';

export interface VolumeWriter {
  /**
   * Brings a volume to this content in one step, seen by readers as all old or all new: each version lies in a folder of its
   * own, `..data` points to the current one, and what the container sees points into `..data`. The kubelet's layout, on which
   * programs that watch their configuration rely. Resolves with whether anything changed.
   */
  write(volume: AgentVolume, token: (query: TokenQuery) => string): Promise<boolean>;
  /** Owner and mode of an empty folder. */
  prepare(folder: AgentFolder): Promise<void>;
}

export function createVolumeWriter(root: string): VolumeWriter {
  const written = new Map<string, string>();
  return {
    async prepare({ name, mode, gid }) {
      const folder = await folderOf(root, name);
      await mkdir(folder, { recursive: true });
      if (gid !== undefined) await chown(folder, 0, gid);
      await chmod(folder, mode);
    },
    async write(volume, token) {
      const folder = await folderOf(root, volume.name);
      const files = volume.files.map((file) => ({
        ...file,
        parts: safeParts(file.path),
        bytes: contentOf(file, token),
      }));
      const hash = hashOf(files, volume.gid);
      if (written.get(volume.name) === hash) return false;
      await mkdir(folder, { recursive: true });
      await chmod(folder, volume.gid === undefined ? 0o755 : 0o2775);
      if (volume.gid !== undefined) await chown(folder, 0, volume.gid);
      const version = await writeVersion(folder, files, volume.gid);
      await pointTo(folder, version);
      await renewLinks(folder, new Set(files.map((file) => file.parts[0] as string)));
      await removeVersions(folder, version);
      written.set(volume.name, hash);
      return true;
    },
  };
}

interface PreparedFile extends AgentFile {
  readonly parts: readonly string[];
  readonly bytes: Buffer;
}

const contentOf = (file: AgentFile, token: (query: TokenQuery) => string): Buffer =>
  file.token ? Buffer.from(token(file.token), 'utf8') : Buffer.from(file.content ?? '', 'base64');

function hashOf(files: readonly PreparedFile[], gid: number | undefined): string {
  const hash = createHash('sha256').update(`${gid ?? ''}\n`);
  for (const { path, mode, uid, bytes } of files)
    hash.update(`${path}\0${mode}\0${uid ?? ''}\0${bytes.length}\0`).update(bytes);
  return hash.digest('hex');
}

async function writeVersion(folder: string, files: readonly PreparedFile[], gid: number | undefined): Promise<string> {
  const stamp = new Date().toISOString().replaceAll(/[-:T]/g, '_').replace('Z', '');
  const path = await mkdtemp(join(folder, `..${stamp}.`));
  try {
    await own(path, gid);
    const made = new Set<string>();
    for (const file of files) {
      for (let depth = 1; depth < file.parts.length; depth++) {
        const parent = join(path, ...file.parts.slice(0, depth));
        if (made.has(parent)) continue;
        made.add(parent);
        await mkdir(parent);
        await own(parent, gid);
      }
      const target = join(path, ...file.parts);
      await writeFile(target, file.bytes, { flag: 'wx', mode: 0o600 });
      if (file.uid !== undefined || gid !== undefined) await chown(target, file.uid ?? 0, gid ?? 0);
      // A group that owns the volume can read what is in it.
      await chmod(target, gid === undefined ? file.mode : file.mode | 0o440);
    }
  } catch (error) {
    await rm(path, { recursive: true, force: true });
    throw error;
  }
  return path.slice(folder.length + 1);
}

async function own(folder: string, gid: number | undefined): Promise<void> {
  if (gid !== undefined) await chown(folder, 0, gid);
  await chmod(folder, gid === undefined ? 0o755 : 0o2755);
}

async function pointTo(folder: string, version: string): Promise<void> {
  const next = join(folder, '..data_tmp');
  await rm(next, { force: true });
  await symlink(version, next);
  await rename(next, join(folder, '..data'));
}

async function renewLinks(folder: string, names: ReadonlySet<string>): Promise<void> {
  for (const name of names) {
    const link = join(folder, name);
    const target = `..data/${name}`;
    if ((await targetOf(link)) === target) continue;
    await rm(link, { recursive: true, force: true });
    await symlink(target, link);
  }
  for (const name of await readdir(folder)) {
    if (!name.startsWith('..') && !names.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function targetOf(link: string): Promise<string | undefined> {
  try {
    return (await lstat(link)).isSymbolicLink() ? await readlink(link) : undefined;
  } catch {
    return undefined;
  }
}

async function removeVersions(folder: string, current: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith('..') && name !== '..data' && name !== current)
      await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Where the volume is mounted: under its own name, or the one that pods share. */
async function folderOf(root: string, name: string): Promise<string> {
  const own = join(root, folderName(name));
  const shared = join(root, sharedVolumeName(name));
  return own !== shared && !(await exists(own)) && (await exists(shared)) ? shared : own;
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** DNS labels only: a name is one folder below the root, never a way out of it. */
function folderName(name: string): string {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
    throw new Error(`volume name ${JSON.stringify(name)} is no folder`);
  return name;
}

/** The API server has refused such paths; a second lock costs nothing where files are written as root. */
function safeParts(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (
    parts.length === 0 ||
    path.startsWith('/') ||
    path.includes('\0') ||
    parts.includes('..') ||
    (parts[0] as string).startsWith('..')
  )
    throw new Error(`volume path ${JSON.stringify(path)} leads outside`);
  return parts;
}
