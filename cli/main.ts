import { Command } from 'commander';
import { isApiError } from '@nodeless/apimachinery/status';
import { commands } from './commands/index.ts';
import { nodelessVersion } from './commands/version.ts';
import { createOutput, UserError } from './output.ts';

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

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof UserError) {
    process.stderr.write(`nodeless: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else if (isApiError(error)) {
    process.stderr.write(`Error from server${error.reason ? ` (${error.reason})` : ''}: ${error.message}\n`);
    process.exitCode = 1;
  } else throw error;
}
