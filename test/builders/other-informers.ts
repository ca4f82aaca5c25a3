/** Informers of other languages' clients (test/fixtures/informer-*): where they are. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { InformerCommand } from './informer-process.ts';
import { findTool } from './kubectl.ts';
import { repository } from './running-cluster.ts';

const brings = 'scripts/ci/install.sh brings it';
const folders = [process.env['NODELESS_TOOLS'], join(homedir(), '.cache', 'nodeless-tools')].filter(
  (folder) => folder !== undefined,
);
const inTools = (...path: string[]): string | undefined =>
  folders.map((folder) => join(folder, ...path)).find((found) => existsSync(found));

export function pythonInformer(): InformerCommand | { readonly lacking: string } {
  const python = inTools('aws-emulator', 'bin', 'python');
  const library = python && inTools('aws-emulator', 'lib');
  if (!python || !library) return { lacking: `the Python client is not installed: ${brings}` };
  return { file: python, args: [join(repository, 'test', 'fixtures', 'informer-python', 'informer.py')] };
}

export function javaInformer(): InformerCommand | { readonly lacking: string } {
  const folder = inTools('informer-java', 'classes', 'Informer.class') && inTools('informer-java');
  const java = findTool('java');
  if (!folder || !java) return { lacking: `the Java client's informer is not built: ${brings}` };
  return {
    file: java,
    args: ['-Xmx128m', '-cp', `${join(folder, 'classes')}:${join(folder, 'lib', '*')}`, 'Informer'],
  };
}
