import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const workspaces: Record<string, string> = {
  local: 'local',
  apiserver: 'lambdas/apiserver',
  controllers: 'lambdas/controllers',
  scheduler: 'lambdas/scheduler',
  'virtual-kubelet': 'lambdas/virtual-kubelet',
};

/** What importing a file loads, directly and through files of ours: everything but types and import(). */
function loadedBy(entry: string): { files: Set<string>; others: Map<string, string> } {
  const files = new Set<string>();
  const others = new Map<string, string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    if (!file.endsWith('.ts')) return;
    for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export) (?!type\b)(?:[^'";]*? from )?'([^']+)'/gm,
    )) {
      const [, workspace = '', path] = /^@nodeless\/([^/]+)\/(.+)$/.exec(specifier) ?? [];
      if (specifier.startsWith('.')) visit(join(dirname(file), specifier));
      else if (path) visit(join(root, workspaces[workspace] ?? `packages/${workspace}`, `${path}.ts`));
      else others.set(specifier, file.slice(root.length + 1));
    }
  };
  visit(join(root, entry));
  return { files, others };
}

describe('starting a cluster', () => {
  const { files, others } = loadedBy('local/main.ts');

  it('loads the components', () => {
    expect(files.size).toBeGreaterThan(300);
    expect(others.has('classic-level')).toBe(true);
  });

  // Each costs memory and a good part of the time to start, and is needed only later, or never.
  it.each(['dockerode', 'node:http', 'undici', 'node-forge', '@peculiar/x509'])('does not load %s', (name) => {
    expect(others.get(name)).toBeUndefined();
  });

  it('leaves the Docker provider until it is chosen', () => {
    expect([...files].filter((file) => file.includes('providers/docker/'))).toEqual([]);
  });
});
