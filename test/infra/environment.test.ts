/** What functions are told by their environment, compared with what their bundles ask for. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FunctionName, functions, optionalVariables, variables } from '../../infra/functions.ts';
import { bundled, bundleFunction } from '../../scripts/bundle.mjs';

const folder = mkdtempSync(join(tmpdir(), 'nodeless-environment-'));
const bundles = bundled() as readonly string[];
const asked = new Map<string, ReadonlySet<string>>();

/** What nothing uses is not in a bundle, so that every name that stands there is asked for on some path. */
beforeAll(async () => {
  for (const name of bundles) {
    const { folder: made } = (await bundleFunction(name, { outdir: folder })) as { folder: string };
    const code = readdirSync(made)
      // The agent's program is for tasks.
      .filter((file) => !file.startsWith('agent'))
      .map((file) => readFileSync(join(made, file), 'utf8'))
      .join('\n');
    asked.set(name, new Set(code.match(/\bNODELESS_[A-Z_]+\b/g) ?? []));
  }
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the environment of functions', () => {
  for (const name of Object.keys(functions) as FunctionName[]) {
    const { bundle, environment } = functions[name];

    it(`of ${name} holds what it reads`, (context) => {
      if (!bundles.includes(bundle)) return context.skip(`${bundle} has no handler yet`);
      const wanted = [...asked.get(bundle)!].filter((variable) => Object.hasOwn(variables, variable));
      expect(wanted.filter((variable) => !environment.includes(variable as never))).toEqual([]);
    });

    it(`of ${name} holds nothing else`, (context) => {
      if (!bundles.includes(bundle)) return context.skip(`${bundle} has no handler yet`);
      expect(environment.filter((variable) => !asked.get(bundle)!.has(variable))).toEqual([]);
    });
  }

  it('has no variable that nobody is told of', () => {
    const told = new Set(Object.values(functions).flatMap(({ environment }) => environment));
    expect(Object.keys(variables).filter((variable) => !told.has(variable as never))).toEqual([]);
    expect(optionalVariables.filter((variable) => !told.has(variable))).toEqual([]);
  });

  it('is known in full: nothing asks for a variable that is not listed', () => {
    const unknown = [...asked].flatMap(([name, all]) =>
      [...all].filter((variable) => !Object.hasOwn(variables, variable)).map((variable) => `${name}: ${variable}`),
    );
    expect(asked.size).toBeGreaterThan(0);
    // Of tasks, and of a person at work.
    expect(unknown.filter((line) => !/: NODELESS_(?:BOOT|TASK|LOG_LEVEL)$/.test(line))).toEqual([]);
  });
});
