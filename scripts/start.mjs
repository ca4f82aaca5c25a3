// `npm start [-- options]`: sets up what running needs, then `nodeless up [options]`. With --cli: any nodeless command.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { nodeBinary, nodeCommand, root, setUp } from './set-up.mjs';

setUp('runtime');
const [first, ...rest] = process.argv.slice(2);
const { flags, env } = nodeCommand();
const args = [...flags, join(root, 'cli', 'main.ts'), ...(first === '--cli' ? rest : ['up', ...process.argv.slice(2)])];

if (process.execve) {
  // One process less to be there all the time.
  process.emitWarning = () => {};
  process.execve(nodeBinary(), [nodeBinary(), ...args], env);
}
const child = spawn(nodeBinary(), args, { stdio: 'inherit', env });
// Ctrl-C reaches the whole foreground group; a signal sent to this process alone is passed on.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
process.on('SIGHUP', () => child.kill('SIGHUP'));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
