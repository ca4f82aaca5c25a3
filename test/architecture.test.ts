import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The import rules of docs/architecture.md, checked on every source file. */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const components = ['apiserver', 'controllers', 'scheduler', 'virtual-kubelet', 'events'];

/** What each folder may import of ours, apart from itself. */
const allowed: Record<string, readonly string[] | 'everything'> = {
  'packages/component-base': [],
  'packages/apimachinery': [],
  'packages/store': ['component-base'],
  'packages/client': ['apimachinery', 'component-base'],
  'packages/registry': ['apimachinery', 'store', 'client', 'component-base'],
  'packages/controller-runtime': ['client', 'apimachinery', 'component-base'],
  'packages/localstack-utils': ['component-base'],
  ...Object.fromEntries(
    components.map((name) => [
      `lambdas/${name}`,
      ['component-base', 'apimachinery', 'store', 'client', 'registry', 'controller-runtime'],
    ]),
  ),
  local: 'everything',
  cli: ['client', 'local', 'component-base', 'apimachinery'],
  // Names the code of functions by its path only.
  infra: [],
};
/** Entry points choose implementations: this one names the components that it wakes, for their rules. */
const composers: Record<string, readonly string[]> = {
  'lambdas/events/dispatcher-handler.ts': ['controllers', 'scheduler', 'virtual-kubelet'],
};
/** Files that may be longer than 600 lines, each with its reason. */
const mayBeLong: Record<string, string> = {};

function sources(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('node_modules'))
    .map((file) => join(folder, file));
}

function imports(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g,
    ),
  ].map((match) => (match[1] ?? match[2] ?? match[3]) as string);
}

const ownName = (specifier: string): string | undefined => {
  if (specifier === 'nodeless' || specifier.startsWith('nodeless/')) return 'cli';
  return /^@nodeless\/([^/]+)/.exec(specifier)?.[1];
};

describe('imports', () => {
  const folders = Object.keys(allowed);
  const files = folders.flatMap((folder) => sources(folder).map((file) => ({ folder, file })));

  it('sees the source files', () => {
    for (const folder of folders) expect(sources(folder), folder).not.toHaveLength(0);
    expect(files.flatMap(({ file }) => imports(file)).length).toBeGreaterThan(100);
  });

  it('go only where the layout allows', () => {
    const wrong: string[] = [];
    for (const { folder, file } of files) {
      const rule = allowed[folder] as readonly string[] | 'everything';
      for (const specifier of imports(file)) {
        const target = ownName(specifier);
        const self = folder.split('/').at(-1);
        const may = rule === 'everything' || rule.includes(target ?? '') || composers[file]?.includes(target ?? '');
        if (target && target !== self && !may) wrong.push(`${file} imports ${specifier}`);
        if (target === 'infra') wrong.push(`${file} imports ${specifier}`);
        if (specifier.startsWith('.')) {
          const path = relative(root, join(root, dirname(file), specifier));
          if (!path.startsWith(folder)) wrong.push(`${file} leaves its package: ${specifier}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('of @aws-sdk/* stand only in the adapters', () => {
    const adapters =
      /(?:^packages\/store\/dynamodb\/|\/providers\/fargate\/|\/load-balancers\/(?:elbv2|dns)\/|\/authentication\/iam|^lambdas\/[a-z-]+\/aws\/|^packages\/[a-z-]+\/aws\/|^lambdas\/events\/|^cli\/aws\/|^local\/hub|\/(?:[a-z]+-)?handler\.ts$)/;
    const wrong = files.filter(
      ({ file }) => !adapters.test(file) && imports(file).some((s) => s.startsWith('@aws-sdk/')),
    );
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it('of the client package by the registry are types only', () => {
    const wrong = sources('packages/registry').filter((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return [...text.matchAll(/import\s+(?!type\b)([^;]*?)from '@nodeless\/client\/[^']+'/g)].some(
        (match) =>
          !(match[1] as string).split(/[{},]/).every((name) => name.trim() === '' || name.trim().startsWith('type ')),
      );
    });
    expect(wrong).toEqual([]);
  });
});

describe('files', () => {
  const all = Object.keys(allowed).flatMap(sources);

  it('stay under 600 lines', () => {
    const long = all.filter(
      (file) =>
        !file.includes('/generated/') &&
        !(file in mayBeLong) &&
        readFileSync(join(root, file), 'utf8').split('\n').length > 600,
    );
    expect(long).toEqual([]);
  });

  it('have kebab-case names outside utils, helpers and common', () => {
    const odd = all.filter(
      (file) => !/^[a-z0-9.-]+$/.test(file.split('/').at(-1) as string) || /\/(?:utils|helpers|common)\//.test(file),
    );
    expect(odd).toEqual([]);
  });
});
