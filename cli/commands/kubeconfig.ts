import { existsSync, readFileSync } from 'node:fs';
import { dataDirPaths, defaultDataDir } from '@nodeless/local/data-dir';
import { UserError } from '../output.ts';
import type { AddCommand } from './command.ts';

export const addKubeconfig: AddCommand = (program, output) => {
  program
    .command('kubeconfig')
    .description("print the cluster's kubeconfig, or its path")
    .option('--data-dir <folder>', 'folder of the cluster (default: .nodeless)')
    .option('--path', 'only the path: export KUBECONFIG=$(nodeless kubeconfig --path)')
    .action((options: { dataDir?: string; path?: boolean }) => {
      const path = dataDirPaths(options.dataDir ?? defaultDataDir).kubeconfig;
      if (!existsSync(path))
        throw new UserError(`there is no cluster here: ${path} does not exist (start one with "npm start")`);
      if (options.path) output.line(path);
      else output.line(readFileSync(path, 'utf8').trimEnd());
    });
};
