// Fails when docs/compatibility.md does not say of pod fields on Fargate what admission does.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { nodeBinary } from './set-up.mjs';

// The data are TypeScript, which an older Node of the host does not read.
if (nodeBinary() !== process.execPath)
  process.exit(spawnSync(nodeBinary(), process.argv.slice(1), { stdio: 'inherit' }).status ?? 1);
const { file, withTable } = await import('./compatibility-table.mjs');

const text = readFileSync(file, 'utf8');
if (withTable(text) !== text) {
  process.stderr.write('docs/compatibility.md is out of date: run scripts/update-compatibility.mjs\n');
  process.exit(1);
}
