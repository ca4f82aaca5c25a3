// Fails when docs/compatibility.md does not say of pod fields on Fargate what admission does.
import { readFileSync } from 'node:fs';
import { file, withTable } from './compatibility-table.mjs';

const text = readFileSync(file, 'utf8');
if (withTable(text) !== text) {
  process.stderr.write('docs/compatibility.md is out of date: run scripts/update-compatibility.mjs\n');
  process.exit(1);
}
