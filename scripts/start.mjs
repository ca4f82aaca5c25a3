// `npm start [-- options]`: sets up what running needs, then `nodeless up [options]`. With --cli: any nodeless command.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { nodeBinary, nodeCommand, root, setUp } from './set-up.mjs';

const [first, ...rest] = process.argv.slice(2);
setUp(asksAws(rest) ? 'all' : 'runtime');
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

// What only the AWS half needs comes with the commands that use it.
function asksAws([command, ...options]) {
  if (first !== '--cli') return false;
  if (command === 'deploy' || command === 'destroy') return true;
  const about = command === 'doctor' ? ['--region', '--profile', '--cluster'] : ['--cluster'];
  return (
    ['doctor', 'kubeconfig', 'token'].includes(command) &&
    options.some((option) => about.includes(option.split('=')[0]))
  );
}
