// `npm run check`: what must hold before a commit, in under a minute: types, lint, format, architecture, unit and contract tests.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { nodeBinary, root, setUp } from './set-up.mjs';

setUp('all');
const bin = (name) => join(root, 'node_modules', '.bin', name);
const env = { ...process.env, NO_COLOR: '1', PATH: `${join(nodeBinary(), '..')}:${process.env.PATH}` };
const steps = [
  ['types', bin('tsc'), ['-p', '.', '--noEmit']],
  ['lint', bin('oxlint'), ['--type-aware']],
  ['format', bin('oxfmt'), ['--check', '.']],
  [
    'tests',
    nodeBinary(),
    [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--reporter=dot',
      'test/unit',
      'test/contract',
      'test/architecture.test.ts',
    ],
  ],
];

const run = ([name, command, args]) =>
  new Promise((resolve) => {
    const started = Date.now();
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => (output += error.message));
    child.on('close', (code) => {
      process.stdout.write(
        `${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`,
      );
      if (code !== 0) process.stdout.write(`${output}\n`);
      resolve(code === 0);
    });
  });

let good = true;
for (const step of steps) good = (await run(step)) && good;
process.exitCode = good ? 0 : 1;
