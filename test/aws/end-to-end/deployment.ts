import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { featureFlags } from '../../../infra/feature-flags.ts';
import { NodelessStack, type NodelessStackProps } from '../../../infra/nodeless-stack.ts';
import { bundleFunction, bundled } from '../../../scripts/bundle.mjs';
import { runTool } from '../../builders/kubectl.ts';
import type { Aws } from '../harness.ts';
import { type Template, fitTemplate } from './template-fit.ts';

export interface Deployment {
  /** Outputs of the stack: Endpoint, ClusterName, ClusterId, TableName, AdminRole. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly stackName: string;
  /** What had to come out of the template, with the reasons. Empty on AWS. */
  readonly taken: readonly string[];
  /** Deploys once more, with these settings. Answers what the CDK's command line said. */
  update(options: NodelessStackProps): Promise<string>;
  /** `cdk destroy`. Answers what it said. */
  destroy(): Promise<string>;
}

const root = join(import.meta.dirname, '..', '..', '..');
const cli = join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk');
const maxFits = 5;

/** The functions as they are deployed, built anew. Answers their folder. */
export async function bundleAll(folder: string): Promise<string> {
  for (const name of bundled()) await bundleFunction(name, { outdir: folder });
  return join(folder, 'functions');
}

/** Synthesises the real stack and has the CDK's own command line deploy it. */
export async function deploy(aws: Aws, options: NodelessStackProps): Promise<Deployment> {
  const home = join(aws.folder, 'home');
  mkdirSync(home, { recursive: true });
  const assembly = join(aws.folder, 'assembly');
  const outputsFile = join(aws.folder, 'outputs.json');
  const taken = new Set<string>();
  const refusals: string[] = [];
  let stackName = '';

  const cdk = async (...args: string[]): Promise<{ code: number; said: string }> => {
    const more = ['--no-version-reporting', '--no-notices', '--ci', '--progress', 'events'];
    const { code, stdout, stderr } = await runTool(process.execPath, [cli, ...args, ...more], {
      cwd: aws.folder,
      env: { ...aws.env, HOME: home, CDK_DISABLE_CLI_TELEMETRY: 'true', NO_COLOR: '1' },
      timeoutMs: 15 * 60_000,
    });
    return { code, said: stdout + stderr };
  };
  const must = async (...args: string[]): Promise<string> => {
    const { code, said } = await cdk(...args);
    if (code !== 0) throw new Error(`cdk ${args.join(' ')} ended with ${code}:\n${said.slice(-4000)}`);
    return said;
  };
  const synthesise = (more: NodelessStackProps): string => {
    const app = new App({ outdir: assembly, analyticsReporting: false, context: featureFlags });
    const stack = new NodelessStack(app, 'NodelessStack', more);
    app.synth();
    ({ stackName } = stack);
    return join(assembly, stack.templateFile);
  };
  const deployOnce = async (more: NodelessStackProps): Promise<string> => {
    const path = synthesise(more);
    for (let fits = 0; ; fits++) {
      const template = JSON.parse(readFileSync(path, 'utf8')) as Template;
      for (const refusal of refusals) fitTemplate(template, refusal);
      if (refusals.length > 0) replaceTemplate(assembly, path, template);
      const args = ['deploy', '--app', assembly, '--all', '--require-approval', 'never', '--outputs-file', outputsFile];
      const { code, said } = await cdk(...args);
      if (code === 0) return said;
      const removed = fits < maxFits && aws.engine.endpoint !== undefined ? fitTemplate(template, said) : [];
      if (removed.length === 0) throw new Error(`cdk deploy ended with ${code}:\n${said.slice(-6000)}`);
      refusals.push(said);
      for (const one of removed) taken.add(one);
    }
  };

  const environment = `aws://${await account(aws)}/${aws.engine.region}`;
  await must('bootstrap', environment);
  await deployOnce(options);
  for (const one of taken) console.info(`${aws.title}: not deployed: ${one}`);
  const outputs = Object.values(
    JSON.parse(readFileSync(outputsFile, 'utf8')) as Record<string, Record<string, string>>,
  );
  return {
    outputs: outputs[0]!,
    stackName,
    taken: [...taken],
    update: deployOnce,
    destroy: () => must('destroy', '--app', assembly, '--all', '--force'),
  };
}

/** The template is an asset under the hash of its content: with another content it would not be uploaded again. */
function replaceTemplate(assembly: string, path: string, template: Template): void {
  const text = JSON.stringify(template, undefined, 1);
  writeFileSync(path, text);
  const assetsFile = path.replace(/template\.json$/, 'assets.json');
  const { files } = JSON.parse(readFileSync(assetsFile, 'utf8')) as {
    files: Record<string, { source: { path: string } }>;
  };
  const before = Object.entries(files).find(([, { source }]) => source.path === basename(path))![0];
  const after = createHash('sha256').update(text).digest('hex');
  for (const file of [assetsFile, join(assembly, 'manifest.json')])
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(before, after));
}

async function account({ settings }: Aws): Promise<string> {
  const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
  return (await new STSClient(settings).send(new GetCallerIdentityCommand({}))).Account!;
}

/** Why a deployment cannot be made here. */
export function whyNoDeployment(): string | undefined {
  return existsSync(cli) ? undefined : 'the CDK command line is not installed';
}
