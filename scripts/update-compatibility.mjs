// Writes the table of pod fields on Fargate into docs/compatibility.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { file, withTable } from './compatibility-table.mjs';

writeFileSync(file, withTable(readFileSync(file, 'utf8')));
