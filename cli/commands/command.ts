/** What a command file exports: it adds itself to the program. One list: commands/index.ts. */
import type { Command } from 'commander';
import type { Output } from '../output.ts';

export type AddCommand = (program: Command, output: Output) => void;

/** Options of every command that talks to a cluster. */
export function withConnection(command: Command): Command {
  return command
    .option('--data-dir <folder>', 'folder of the cluster (default: .nodeless)')
    .option('--kubeconfig <file>', "kubeconfig to use instead of the folder's own")
    .option('--context <name>', 'context of the kubeconfig');
}
