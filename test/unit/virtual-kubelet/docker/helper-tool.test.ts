/** Both forms of the helper's tool do the same, tried on this machine's file system. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeTool, shellTool } from '@nodeless/virtual-kubelet/providers/docker/helper-tool';

const forms: [string, string, string][] = [
  ['shell', shellTool, '/bin/sh'],
  ['Node', nodeTool, process.execPath],
];

describe.each(forms)('%s', (_, script, interpreter) => {
  let folder = '';
  let tool = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nodeless-tool-'));
    tool = join(folder, interpreter === '/bin/sh' ? 'tool.sh' : 'tool.cjs');
    writeFileSync(tool, script.replace(/^#!.*\n/, '\n'));
    chmodSync(tool, 0o755);
    mkdirSync(join(folder, 'v'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const run = (...args: string[]) => {
    const { status, stdout } = spawnSync(interpreter, [tool, ...args], { encoding: 'utf8' });
    return { status, out: stdout.trim() };
  };
  const at = (...parts: string[]) => join(folder, 'v', ...parts);
  const write = (version: string, files: Record<string, string>): void => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(at(version, path), '..'), { recursive: true });
      writeFileSync(at(version, path), content);
    }
  };

  test('swap makes a version the current one, with its links, and drops the others', () => {
    write('..v_1', { a: '1', gone: 'x', '.hidden': 'h' });
    expect(run('swap', at(), '..v_1').status).toBe(0);
    expect(readdirSync(at()).sort()).toEqual(['..data', '..v_1', '.hidden', 'a', 'gone']);
    expect(readFileSync(at('a'), 'utf8')).toBe('1');
    write('..v_2', { a: '2', 'deep/b': '3' });
    expect(run('swap', at(), '..v_2').status).toBe(0);
    expect(readdirSync(at()).sort()).toEqual(['..data', '..v_2', 'a', 'deep']);
    expect(readlinkSync(at('..data'))).toBe('..v_2');
    expect(readFileSync(at('deep/b'), 'utf8')).toBe('3');
    expect(run('swap', at(), '..v_2').status).toBe(0);
    expect(readFileSync(at('a'), 'utf8')).toBe('2');
  });

  test('swap copes with what an interrupted one left, and with no files', () => {
    write('..v_1', { a: '1' });
    symlinkSync('..v_0', at('..data_tmp'));
    expect(run('swap', at(), '..v_1').status).toBe(0);
    mkdirSync(at('..v_2'));
    expect(run('swap', at(), '..v_2').status).toBe(0);
    expect(readdirSync(at()).sort()).toEqual(['..data', '..v_2']);
  });

  test('under makes folders inside and refuses what leads outside', () => {
    const owner = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
    expect(run('under', at(), 'x/y', '0750', owner)).toEqual({ status: 0, out: at('x/y') });
    expect(statSync(at('x/y')).mode & 0o777).toBe(0o750);
    symlinkSync('/', at('root'));
    symlinkSync('x', at('inside'));
    expect(run('under', at(), 'root/etc', '0755', owner).status).toBe(3);
    expect(run('under', at(), 'inside/y', '0755', owner)).toEqual({ status: 0, out: at('x/y') });
    expect(run('under', at(), '../..', '0755', owner).status).toBe(3);
  });

  const types: [string, string, number, string][] = [
    ['', 'new', 0, ''],
    ['DirectoryOrCreate', 'new', 0, ''],
    ['Directory', 'new', 4, 'hostPath type check failed: /shown is not a directory'],
    ['Directory', 'file', 4, 'hostPath type check failed: /shown is not a directory'],
    ['FileOrCreate', 'new/file', 0, ''],
    ['File', 'new', 4, 'hostPath type check failed: /shown is not a file'],
    ['File', 'file', 0, ''],
    ['Socket', 'file', 4, 'hostPath type check failed: /shown is not a socket file'],
  ];
  test.each(types)('hostpath %s %s', (type, path, status, out) => {
    writeFileSync(at('file'), '');
    expect(run('hostpath', type, at(path), '/shown')).toEqual({ status, out });
    if (status === 0) expect(existsSync(at(path))).toBe(true);
  });

  test('rm, size, and what it does not know', () => {
    write('x', { a: '1' });
    expect(run('rm', at('x'), at('nothing')).status).toBe(0);
    expect(existsSync(at('x'))).toBe(false);
    expect(Number(run('size', at()).out)).toBeGreaterThan(1000);
    expect(run('dance').status).toBe(2);
  });
});

test('the shell form is one a plain sh reads', () => {
  expect(() => execFileSync('/bin/sh', ['-n'], { input: shellTool })).not.toThrow();
});
