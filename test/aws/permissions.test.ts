import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FunctionName, functions } from '../../infra/functions.ts';
import { calledByAws, permissions } from '../../infra/permissions.ts';
import { bundleFunction, bundled } from '../../scripts/bundle.mjs';
import { actionsOf, transactionActions } from './iam-actions.ts';

const root = join(import.meta.dirname, '..', '..');

/** Folder of a client in @aws-sdk → its service, where they differ. */
const services: Readonly<Record<string, string>> = {
  'cloudwatch-logs': 'logs',
  'dynamodb-streams': 'dynamodbstreams',
  'elastic-load-balancing-v2': 'elbv2',
  'route-53': 'route53',
  'secrets-manager': 'secretsmanager',
};

/**
 * What a function's bundle can ask of AWS: commands that nothing uses are not in it, so those that are there are all that it can
 * send, on any path.
 */
function actionsIn({ outputs }: Metafile): Set<string> {
  const files = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([path]) => path),
  );
  const store = files
    .filter((path) => path.startsWith('packages/store/dynamodb/'))
    .map((path) => readFileSync(join(root, path), 'utf8'))
    .join('\n');
  const transaction = Object.keys(transactionActions).filter((part) => new RegExp(`\\b${part}: `).test(store));
  const found = new Set<string>();
  for (const path of files) {
    const match = /@aws-sdk\/client-([a-z0-9-]+)\/dist-[a-z]+\/commands\/(\w+)Command\.js$/.exec(path);
    if (!match) continue;
    const [, client, operation] = match as unknown as [string, string, string];
    // In every client of DynamoDB, for a discovery of endpoints that is off by default.
    if (operation === 'DescribeEndpoints') continue;
    for (const action of actionsOf(services[client] ?? client, operation, transaction)) found.add(action);
  }
  return found;
}

describe('what functions may do is what they do', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nodeless-permissions-'));
  const called = new Map<string, Set<string>>();
  const exported = new Map<string, readonly string[]>();
  const bundles = bundled();
  beforeAll(async () => {
    for (const name of bundles) {
      const { metafile } = await bundleFunction(name, { outdir: folder });
      called.set(name, actionsIn(metafile));
      const index = Object.entries(metafile.outputs).find(([path]) => path.endsWith(`/${name}/index.mjs`));
      exported.set(name, index?.[1].exports ?? []);
    }
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  for (const name of Object.keys(functions) as FunctionName[]) {
    const { bundle } = functions[name];
    const granted = new Set(permissions[name].flatMap(({ actions }) => actions));

    it(`${name} has its handler`, (context) => {
      if (!bundles.includes(bundle)) context.skip(`${bundle} has no handler yet`);
      expect(exported.get(bundle)).toContain(functions[name].handler.replace('index.', ''));
    });

    it(`${name} is granted all that it calls`, (context) => {
      if (!bundles.includes(bundle)) context.skip(`${bundle} has no handler yet`);
      const missing = [...called.get(bundle)!].filter((action) => !granted.has(action));
      expect(missing.sort()).toEqual([]);
    });

    it(`${name} calls all that it is granted`, (context) => {
      if (!bundles.includes(bundle)) context.skip(`${bundle} has no handler yet`);
      const surplus = [...granted].filter(
        (action) => !called.get(bundle)!.has(action) && !calledByAws.includes(action),
      );
      expect(surplus.sort()).toEqual([]);
    });
  }

  it('sees what is called', () => {
    expect(called.get('apiserver')).toContain('dynamodb:GetItem');
    expect([...called.values()].every((actions) => actions.size > 0)).toBe(true);
  });
});
