/** Templates for the tests of infra/: from stand-ins of the bundles, so that no test waits for a bundler. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type AppProps } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll } from 'vitest';
import { functions } from '../../infra/functions.ts';
import type { NodelessClusterProps } from '../../infra/nodeless-cluster.ts';
import { NodelessStack } from '../../infra/nodeless-stack.ts';
import { featureFlags } from '../../infra/feature-flags.ts';

export interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly DependsOn?: string | string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}
export interface TemplateJson {
  readonly Resources: Record<string, Resource>;
  readonly Outputs?: Record<string, { readonly Value: unknown }>;
}

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })), 60_000);

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nodeless-infra-'));
  folders.push(folder);
  return folder;
}

/** A folder with something in the place of each function. */
export function standInBundles(): string {
  const folder = temporaryFolder();
  for (const { bundle } of Object.values(functions)) {
    mkdirSync(join(folder, bundle), { recursive: true });
    writeFileSync(join(folder, bundle, 'index.mjs'), `export const handler = () => '${bundle}';\n`);
  }
  mkdirSync(join(folder, 'hub'));
  for (const file of ['hub.mjs', 'loader.js']) writeFileSync(join(folder, 'hub', file), `// ${file}\n`);
  return folder;
}

/** An app with the flags of our own. */
export function testApp(props: AppProps = {}): App {
  return new App({
    outdir: temporaryFolder(),
    analyticsReporting: false,
    ...props,
    context: { ...featureFlags, ...props.context },
  });
}

export function synthesise(
  options: Omit<NodelessClusterProps, 'tags'> & { tags?: Record<string, string> } = {},
): TemplateJson {
  const stack = new NodelessStack(testApp(), 'NodelessStack', { bundles: standInBundles(), ...options });
  const template = Template.fromStack(stack).toJSON() as { Resources: Record<string, { Properties?: object }> };
  for (const resource of Object.values(template.Resources)) resource.Properties ??= {};
  return template as TemplateJson;
}

export function ofType(template: TemplateJson, type: string): [string, Resource][] {
  return Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
}
