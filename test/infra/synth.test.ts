/** `npx cdk synth` as a newcomer runs it: no credentials, no Docker, no network. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { standInBundles, temporaryFolder, type TemplateJson } from './synthesise.ts';

const root = join(import.meta.dirname, '..', '..');

/** A namespace of the kernel without a network, where this machine lets us have one. */
const offline =
  spawnSync('unshare', ['--net', '--map-root-user', 'true']).status === 0
    ? ['unshare', '--net', '--map-root-user']
    : [];

function synth(bundles: string | undefined, ...args: string[]) {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'home'));
  const command = [
    ...offline,
    process.execPath,
    join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk'),
    'synth',
    '--quiet',
    '--output',
    join(folder, 'out'),
    ...args,
  ];
  const result = spawnSync(command[0] as string, command.slice(1), {
    cwd: root,
    encoding: 'utf8',
    timeout: 90_000,
    env: {
      // Nothing of the AWS environment, and a path on which no docker is found.
      PATH: (process.env['PATH'] ?? '')
        .split(delimiter)
        .filter((entry) => !existsSync(join(entry, 'docker')) || entry === '/usr/bin')
        .join(delimiter),
      HOME: join(folder, 'home'),
      ...(bundles ? { NODELESS_BUNDLES: bundles } : {}),
    },
  });
  return { ...result, out: join(folder, 'out') };
}

it('cdk synth needs no credentials, no Docker and no network', () => {
  const { status, stderr, out } = synth(standInBundles(), '--context', 'cluster=blue');
  expect(stderr).not.toMatch(/credential/i);
  expect(status, stderr).toBe(0);
  const template = JSON.parse(readFileSync(join(out, 'NodelessStack.template.json'), 'utf8')) as TemplateJson & {
    Description: string;
  };
  expect(template.Description).toContain('blue');
  const assets = JSON.parse(readFileSync(join(out, 'NodelessStack.assets.json'), 'utf8')) as { dockerImages: object };
  expect(assets.dockerImages).toEqual({});
}, 100_000);

it('cdk synth says what is wrong with settings', () => {
  const { status, stderr } = synth(standInBundles(), '--context', 'nodeless={"network":{"zones":1}}');
  expect(status).not.toBe(0);
  expect(stderr).toContain('- network.zones: must be 2, 3 or 4');
}, 100_000);
