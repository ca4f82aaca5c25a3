// What the CDK's command line runs (cdk.json): it may run under an older Node than the application needs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeBinary, nodeCommand, root, setUp } from './set-up.mjs';

setUp('all');
const { flags, env } = nodeCommand();
const run = (script, more = {}) => {
  const { status } = spawnSync(nodeBinary(), [...flags, join(root, script)], {
    // Standard output is the command line's: what bundling says goes beside it.
    stdio: ['ignore', 2, 2],
    cwd: root,
    env: { ...env, ...more },
  });
  if (status !== 0) process.exit(status ?? 1);
};

// A deploy of code that was bundled elsewhere or before: NODELESS_BUNDLES is its folder.
const given = process.env.NODELESS_BUNDLES;
if (!given) run('scripts/bundle.mjs');
const bundles = given ?? join(root, 'dist', 'functions');
standIns(bundles);
run('infra/app.ts', { NODELESS_BUNDLES: bundles });

/** A function whose handler does not exist yet still has its place in the template. */
function standIns(folder) {
  for (const name of [
    'apiserver',
    'setup',
    'controllers',
    'scheduler',
    'virtual-kubelet',
    'dispatcher',
    'later',
    'timer',
    'drain',
  ]) {
    const file = join(folder, name, 'index.mjs');
    if (existsSync(file)) continue;
    process.stderr.write(`${name} is not bundled: something that only fails stands in its place\n`);
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(file, `export const handler = async () => { throw new Error('${name} was not bundled'); };\n`);
  }
}
