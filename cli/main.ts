import { Command } from 'commander';
import { commands } from './commands/index.ts';
import { nodelessVersion } from './commands/version.ts';
import { createOutput, describeError, UserError } from './output.ts';

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`nodeless: Node 24 or newer is needed, this is ${process.version}\n`);
  process.exit(1);
}

const output = createOutput();
const program = new Command('nodeless')
  .description('Kubernetes without servers: the same cluster on a laptop and in AWS')
  .version(nodelessVersion, '-v, --version')
  .showHelpAfterError('(nodeless help shows the commands)')
  .configureHelp({ sortSubcommands: false });
for (const add of commands) add(program, output);

// Timers of components do not keep a process alive; a command that waits has to.
const keepAlive = setInterval(() => {}, 1 << 30);
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = error instanceof UserError ? error.exitCode : 1;
} finally {
  clearInterval(keepAlive);
}
