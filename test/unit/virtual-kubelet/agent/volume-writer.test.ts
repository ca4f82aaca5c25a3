import { lstat, mkdir, mkdtemp, readFile, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentVolume } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { createVolumeWriter, type VolumeWriter } from '@nodeless/virtual-kubelet/agent/volume-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let root: string;
let writer: VolumeWriter;
const noToken = (): string => '';
const volume = (files: Readonly<Record<string, string>>, more: Partial<AgentVolume> = {}): AgentVolume => ({
  name: 'v',
  files: Object.entries(files).map(([path, text]) => ({ path, mode: 0o644, content: btoa(text) })),
  ...more,
});
const write = (files: Readonly<Record<string, string>>, more?: Partial<AgentVolume>): Promise<boolean> =>
  writer.write(volume(files, more), noToken);
const read = (path: string): Promise<string> => readFile(join(root, 'v', path), 'utf8');

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nodeless-volumes-'));
  writer = createVolumeWriter(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the layout', () => {
  it('is the kubelet’s: what is seen points into ..data, which points to the current version', async () => {
    expect(await write({ a: '1', 'deep/er/b': '2' })).toBe(true);
    const names = await readdir(join(root, 'v'));
    const version = await readlink(join(root, 'v', '..data'));
    expect(names.toSorted()).toEqual(['..data', version, 'a', 'deep'].toSorted());
    expect(version).toMatch(/^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d{3}\./);
    expect(await readlink(join(root, 'v', 'a'))).toBe('..data/a');
    expect(await readlink(join(root, 'v', 'deep'))).toBe('..data/deep');
    expect([await read('a'), await read('deep/er/b')]).toEqual(['1', '2']);
  });

  it('has the modes that were asked for, whatever the process’ mask is', async () => {
    // Of these the usual mask, 022, would take something away.
    const files = [
      { path: 'secret', mode: 0o400, content: 'eA==' },
      { path: 'open', mode: 0o666, content: 'eA==' },
      { path: 'dir/run', mode: 0o777, content: 'eA==' },
    ];
    await writer.write({ name: 'v', files }, noToken);
    const mode = async (path: string) => (await stat(join(root, 'v', path))).mode & 0o7777;
    expect(await Promise.all(['secret', 'open', 'dir/run', 'dir', '..data', ''].map(mode))).toEqual([
      0o400, 0o666, 0o777, 0o755, 0o755, 0o755,
    ]);
  });

  it('is empty for a volume without files', async () => {
    expect(await write({})).toBe(true);
    expect((await readdir(join(root, 'v'))).filter((n) => !n.startsWith('..'))).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)('belongs to the pod’s group, which may read all of it', async () => {
    await write({ 'dir/a': '1' }, { gid: 4242 });
    const { gid, mode } = await stat(join(root, 'v', 'dir/a'));
    expect([gid, (mode & 0o7777).toString(8)]).toEqual([4242, '644']);
    const folder = await stat(join(root, 'v', 'dir'));
    expect([folder.gid, (folder.mode & 0o7777).toString(8)]).toEqual([4242, '2755']);
    await writer.prepare({ name: 'scratch', mode: 0o2777, gid: 4242 });
    const scratch = await stat(join(root, 'scratch'));
    expect([scratch.gid, (scratch.mode & 0o7777).toString(8)]).toEqual([4242, '2777']);
  });

  it('of the default token’s volume is under the name that pods share, where that is what is mounted', async () => {
    await mkdir(join(root, 'kube-api-access'));
    await writer.write({ ...volume({ a: '1' }), name: 'kube-api-access-x7k2p' }, noToken);
    expect(await readdir(root)).toEqual(['kube-api-access']);
    expect(await readFile(join(root, 'kube-api-access/a'), 'utf8')).toBe('1');
  });
});

describe('a change', () => {
  it('takes the place of what was there, and only that version is kept', async () => {
    await write({ a: '1', b: '1', c: '1' });
    const before = await readlink(join(root, 'v', '..data'));
    expect(await write({ a: '2', d: '2' })).toBe(true);
    const after = await readlink(join(root, 'v', '..data'));
    expect(after).not.toBe(before);
    expect((await readdir(join(root, 'v'))).toSorted()).toEqual(['..data', after, 'a', 'd'].toSorted());
    expect(await read('a')).toBe('2');
  });

  it('that is none writes nothing', async () => {
    await write({ a: '1' });
    const before = await readlink(join(root, 'v', '..data'));
    expect(await write({ a: '1' })).toBe(false);
    expect(await readlink(join(root, 'v', '..data'))).toBe(before);
  });

  it('of a mode, an owner’s group or a token is one', async () => {
    const file = { path: 'a', mode: 0o644, token: { audience: 'x', expirationSeconds: 600 } };
    expect(await writer.write({ name: 'v', files: [file] }, () => 't1')).toBe(true);
    expect(await writer.write({ name: 'v', files: [file] }, () => 't1')).toBe(false);
    expect(await writer.write({ name: 'v', files: [file] }, () => 't2')).toBe(true);
    expect(await read('a')).toBe('t2');
    expect(await writer.write({ name: 'v', files: [{ ...file, mode: 0o600 }] }, () => 't2')).toBe(true);
  });

  it('of a file to a folder and back is no obstacle', async () => {
    await write({ a: 'file' });
    await write({ 'a/b': 'in a folder' });
    expect(await read('a/b')).toBe('in a folder');
    await write({ a: 'file again' });
    expect(await read('a')).toBe('file again');
  });

  it('is never seen half: at every instant each file is there, all of one version', async () => {
    await write({ a: '0', b: '0' });
    let done = false;
    let looks = 0;
    const torn: string[] = [];
    const reader = (async () => {
      while (!done) {
        // One look at the link, as a program takes that is told of the change.
        const version = await readlink(join(root, 'v', '..data'));
        const one = await Promise.all(
          ['a', 'b'].map((f) => readFile(join(root, 'v', version, f), 'utf8').catch(() => 'old')),
        );
        if (!one.includes('old') && one[0] !== one[1]) torn.push(one.join());
        // A version may be gone by then, the link never is.
        await read('a').catch((error: unknown) => torn.push(String(error)));
        looks++;
      }
    })();
    for (let i = 1; i <= 40; i++) await write({ a: `${i}`, b: `${i}` });
    done = true;
    await reader;
    expect(looks).toBeGreaterThan(10);
    expect(torn.filter((t) => !t.includes('ENOENT'))).toEqual([]);
  });

  it('that fails leaves what was there', async () => {
    await write({ a: '1' });
    await expect(write({ x: 'file', 'x/y': 'below a file' })).rejects.toThrow(/ENOTDIR|EEXIST/);
    expect(await read('a')).toBe('1');
    expect((await readdir(join(root, 'v'))).filter((n) => n.startsWith('..') && n !== '..data')).toHaveLength(1);
    expect(await write({ a: '2' })).toBe(true);
  });

  it('clears away what a process left that ended in the middle', async () => {
    await mkdir(join(root, 'v', '..2020_01_01_00_00_00.000.abc'), { recursive: true });
    await symlink('..nowhere', join(root, 'v', '..data_tmp'));
    await writeFile(join(root, 'v', 'stray'), 'x');
    await write({ a: '1' });
    const names = await readdir(join(root, 'v'));
    expect(names.toSorted()).toEqual(['..data', await readlink(join(root, 'v', '..data')), 'a'].toSorted());
  });
});

describe('paths that lead outside', () => {
  const paths = ['../x', '/etc/passwd', 'a/../../x', '..', '..data', '..data/x', '..x', '', '.', 'a\0b', './..'];
  for (const path of paths) {
    it(`${JSON.stringify(path)} is refused before anything is written`, async () => {
      await expect(write({ good: '1', [path]: 'x' })).rejects.toThrow('leads outside');
      expect(await readdir(root)).toEqual([]);
    });
  }

  for (const name of ['../v', '', '.', '..', 'a/b', '/v', 'A', 'v\0', `${'x'.repeat(64)}`]) {
    it(`a volume named ${JSON.stringify(name).slice(0, 20)} is refused`, async () => {
      await expect(write({ a: '1' }, { name })).rejects.toThrow('is no folder');
      await expect(writer.prepare({ name, mode: 0o777 })).rejects.toThrow('is no folder');
      expect(await readdir(root)).toEqual([]);
    });
  }

  it('are not followed where something put a link in the way', async () => {
    await write({ a: '1' });
    const outside = join(root, 'outside');
    await writeFile(outside, 'untouched');
    await rm(join(root, 'v', 'a'));
    await symlink(outside, join(root, 'v', 'a'));
    await write({ a: '2' });
    expect(await readFile(outside, 'utf8')).toBe('untouched');
    expect((await lstat(join(root, 'v', 'a'))).isSymbolicLink()).toBe(true);
    expect(await read('a')).toBe('2');
  });
});
