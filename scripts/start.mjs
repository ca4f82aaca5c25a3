// `npm start [-- options]`: sets up what running needs, then `nodeless up [options]`. With --cli: any nodeless command.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { nodeBinary, root, setUp } from './set-up.mjs';

setUp('runtime');
const [first, ...rest] = process.argv.slice(2);
const args = first === '--cli' ? rest : ['up', ...process.argv.slice(2)];
// Types are stripped and code is compiled once, not at every start: a third of the time to ready.
const env = { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'nodeless'), ...process.env };
const child = spawn(nodeBinary(), ['--disable-warning=ExperimentalWarning', join(root, 'cli', 'main.ts'), ...args], {
  stdio: 'inherit',
  env,
});
// Ctrl-C reaches the whole foreground group; a signal sent to this process alone is passed on.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
process.on('SIGHUP', () => child.kill('SIGHUP'));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
