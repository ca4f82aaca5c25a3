#!/usr/bin/env node
// In a checkout the set-up script finds the right Node; it then runs cli/main.ts with the same arguments.
import { fileURLToPath } from 'node:url';

const start = new URL('../../scripts/start.mjs', import.meta.url);
process.argv.splice(1, 1, fileURLToPath(start), '--cli');
await import(start.href);
