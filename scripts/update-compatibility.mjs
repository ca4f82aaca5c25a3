// Writes the table of pod fields on Fargate into docs/compatibility.md.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { nodeBinary } from './set-up.mjs';

// The data are TypeScript, which an older Node of the host does not read.
if (nodeBinary() !== process.execPath)
  process.exit(spawnSync(nodeBinary(), process.argv.slice(1), { stdio: 'inherit' }).status ?? 1);
const { file, withTable } = await import('./compatibility-table.mjs');

writeFileSync(file, withTable(readFileSync(file, 'utf8')));
