import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readKubeconfig } from '@nodeless/client/kubeconfig';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { withContext } from 'nodeless/aws/exec-kubeconfig';
import { createExecTokens } from 'nodeless/exec-tokens';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'nodeless-exec-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const clock = createManualClock();

/** A plugin that runs this program of Node. */
function plugin(program: string, env: Record<string, string> = {}) {
  return { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', program], env };
}
const counter = join(folder, 'count');
/** Prints a token that says how often it was asked, and is good for a minute of the clock. */
const counting = (): string => `
  const fs = require('fs');
  const n = Number(fs.existsSync(${JSON.stringify(counter)}) ? fs.readFileSync(${JSON.stringify(counter)}, 'utf8') : 0) + 1;
  fs.writeFileSync(${JSON.stringify(counter)}, String(n));
  console.log(JSON.stringify({ status: { token: process.env.WHO + n, expirationTimestamp: ${JSON.stringify(new Date(clock.now() + 60_000).toISOString())} } }));`;

describe('tokens of an exec plugin', () => {
  it('are asked for once, and again when they have expired', async () => {
    const token = createExecTokens(plugin(counting(), { WHO: 'ann' }), clock);
    expect(await Promise.all([token(), token()])).toEqual(['ann1', 'ann1']);
    expect(await token()).toBe('ann1');
    await clock.advance(60_001);
    expect(await token()).toBe('ann2');
    expect(readFileSync(counter, 'utf8')).toBe('2');
  });

  it('tell what the program says when it fails, and are asked for again', async () => {
    const token = createExecTokens(plugin('console.error("sign in again"); process.exit(3)'), clock);
    await expect(token()).rejects.toThrow('failed: sign in again');
    await expect(token()).rejects.toThrow('failed: sign in again');
  });

  for (const said of ['', 'no JSON', '{"status":{}}', '[]'])
    it(`are not taken from ${said || 'nothing'}`, async () => {
      await expect(createExecTokens(plugin(`console.log(${JSON.stringify(said)})`), clock)()).rejects.toThrow(
        'printed no token',
      );
    });

  it('need a program that is there', async () => {
    const token = createExecTokens({ ...plugin(''), command: join(folder, 'none'), installHint: 'install it' }, clock);
    await expect(token()).rejects.toThrow(/cannot be started.*\ninstall it/);
  });

  it('are told by the API version that the kubeconfig names', async () => {
    const token = createExecTokens(
      plugin(
        'console.log(JSON.stringify({ status: { token: JSON.parse(process.env.KUBERNETES_EXEC_INFO).apiVersion } }))',
      ),
      clock,
    );
    expect(await token()).toBe('client.authentication.k8s.io/v1');
  });
});

it('a kubeconfig that nodeless writes is read with its plugin', () => {
  const path = join(folder, 'config');
  const exec = { command: 'nodeless', args: ['token', '--cluster', 'main-0f0e1d2c'], env: { AWS_PROFILE: 'work' } };
  writeFileSync(path, withContext('', { name: 'main', server: 'https://x', namespace: 'web', exec }, true));
  expect(readKubeconfig(path)).toMatchObject({
    server: 'https://x',
    namespace: 'web',
    exec: { ...exec, apiVersion: 'client.authentication.k8s.io/v1' },
  });
});
