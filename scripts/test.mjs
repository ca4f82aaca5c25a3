// `npm test [-- vitest options]`: sets up everything the tests need, then runs them; the first line names the AWS that its tests
// run on (NODELESS_AWS=ministack|localstack|external), the last line counts them.
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
const folders = process.argv.slice(2).filter((word) => !word.startsWith('-'));
if (folders.length === 0 || folders.some((word) => word.includes('test/aws'))) {
  const announce = join(root, 'packages', 'localstack-utils', 'announce-engine.ts');
  const { status } = spawnSync(nodeBinary(), ['--disable-warning=ExperimentalWarning', announce], { stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}
const result = spawnSync(nodeBinary(), [vitest, ...args], { cwd: root, stdio: 'inherit' });
process.exitCode = result.status ?? 1;
