import { readFileSync } from 'node:fs';
import { kubernetesVersion } from '@nodeless/local/version';
import { outputFormat } from '../output.ts';
import type { AddCommand } from './command.ts';

export const nodelessVersion = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

export const addVersion: AddCommand = (program, output) => {
  program
    .command('version')
    .description('versions of nodeless, of the Kubernetes API it serves, and of Node')
    .option('-o, --output <format>', 'json')
    .action((options: { output?: string }) => {
      outputFormat(options.output, ['json']);
      const versions = { nodeless: nodelessVersion, kubernetes: kubernetesVersion, node: process.version };
      if (options.output === 'json') return output.json(versions);
      for (const [name, version] of Object.entries(versions)) output.line(`${name.padEnd(12)}${version}`);
    });
};
