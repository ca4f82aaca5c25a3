// `npm test [-- vitest options]`: sets up everything the tests need, then runs them; the last line counts them.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { nodeBinary, root, setUp } from './set-up.mjs';

setUp('all');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const args = [
  'run',
  '--reporter=default',
  `--reporter=${join(root, 'scripts', 'count-reporter.ts')}`,
  ...process.argv.slice(2),
];
const result = spawnSync(nodeBinary(), [vitest, ...args], { cwd: root, stdio: 'inherit' });
process.exitCode = result.status ?? 1;
