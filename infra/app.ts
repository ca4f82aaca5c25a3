/** The CDK application: `npx cdk synth`, `npx cdk deploy`. Settings stand in the context `nodeless` (cdk.json, or `-c nodeless='{…}'`). */
import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib';
import { featureFlags } from './feature-flags.ts';
import { NodelessStack } from './nodeless-stack.ts';
import type { NodelessOptions } from './settings.ts';

/** The context `nodeless`, an object or JSON, and `-c cluster=NAME` beside it. Throws Error that says what cannot be read. */
export function optionsFromContext(context: unknown, cluster: unknown): NodelessOptions {
  let options: unknown = context ?? {};
  if (typeof options === 'string') {
    try {
      options = JSON.parse(options);
    } catch (error) {
      throw new Error(`-c nodeless=… is not JSON: ${(error as Error).message}`, { cause: error });
    }
  }
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new Error('the context "nodeless" must be an object of settings');
  return { ...options, ...(typeof cluster === 'string' ? { cluster } : {}) };
}

export function makeApp(app = new App({ context: featureFlags })): App {
  const options = optionsFromContext(app.node.tryGetContext('nodeless'), app.node.tryGetContext('cluster'));
  const { tags, ...rest } = options;
  new NodelessStack(app, 'NodelessStack', {
    ...rest,
    ...(tags ? { tags: { ...tags } } : {}),
    bundles: process.env['NODELESS_BUNDLES'],
  });
  return app;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) makeApp().synth();
