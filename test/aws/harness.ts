import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { chooseEngine } from '@nodeless/localstack-utils/choose-engine';
import { type AwsEngine, engineEnvironment } from '@nodeless/localstack-utils/engine';
import { startEngine } from '@nodeless/localstack-utils/start-engine';
import { type TestContext, afterAll, beforeAll, beforeEach } from 'vitest';
import { type CapabilityName, capabilities } from './capabilities/capabilities.ts';

/** What clients of @aws-sdk are made with. */
export interface ClientSettings {
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The engine of a test file, started before its tests and ended after them. */
export interface Aws {
  readonly engine: AwsEngine;
  /** `MiniStack 1.5.33`: for messages. */
  readonly title: string;
  readonly settings: ClientSettings;
  /** For programs that are started: the CDK's CLI, functions. */
  readonly env: Record<string, string>;
  /** A folder that is removed after the tests. */
  readonly folder: string;
  /** How the engine falls short of AWS in this; undefined when it does not. Asked of the engine itself, once. */
  lacks(name: CapabilityName): Promise<string | undefined>;
  /** Skips the test, with the reason, when the engine lacks one of these. */
  needs(context: TestContext, ...names: readonly CapabilityName[]): Promise<void>;
}

const titles = { ministack: 'MiniStack', localstack: 'LocalStack', external: 'external:' } as const;

/**
 * Gives the tests of a file an AWS. Without any they are skipped, with the reason; where one was asked for by name
 * (NODELESS_AWS) and cannot be had, they fail.
 */
export function useAws(): () => Aws {
  const choice = chooseEngine();
  let aws: Aws | undefined;
  beforeAll(async () => {
    if ('missing' in choice) {
      if (choice.required) throw new Error(choice.missing);
      return;
    }
    aws = createAws(await startEngine());
    await isTheAccount(aws);
    console.info(`AWS: ${aws.title}`);
  }, 200_000);
  beforeEach((context) => {
    if ('missing' in choice) context.skip(choice.missing);
  });
  afterAll(async () => {
    await aws?.engine.stop();
    if (aws) rmSync(aws.folder, { recursive: true, force: true });
  }, 60_000);
  return () => aws!;
}

/** Without an endpoint these tests run in an account, and cost: only in the one that was named. */
async function isTheAccount({ engine, settings }: Aws): Promise<void> {
  if (engine.endpoint !== undefined) return;
  const named = process.env['NODELESS_AWS_ACCOUNT'];
  const { Account } = await new STSClient(settings).send(new GetCallerIdentityCommand({}));
  if (Account !== named) throw new Error(`NODELESS_AWS_ACCOUNT is ${named}, and the credentials are of ${Account}`);
}

function createAws(engine: AwsEngine): Aws {
  const known = new Map<CapabilityName, Promise<string | undefined>>();
  const title = `${titles[engine.engine]} ${engine.version}`;
  const settings: ClientSettings = {
    region: engine.region,
    ...(engine.endpoint === undefined ? {} : { endpoint: engine.endpoint }),
    ...(engine.credentials ? { credentials: engine.credentials } : {}),
  };
  const lacks = (name: CapabilityName): Promise<string | undefined> => {
    let answer = known.get(name);
    if (!answer) {
      answer = capabilities[name].probe({ settings, endpoint: engine.endpoint });
      known.set(name, answer);
    }
    return answer;
  };
  return {
    engine,
    title,
    settings,
    env: engineEnvironment(engine),
    folder: mkdtempSync(join(tmpdir(), 'nodeless-aws-test-')),
    lacks,
    async needs(context, ...names) {
      for (const name of names) {
        const lack = await lacks(name);
        if (lack !== undefined) context.skip(`${title}: ${name}: ${lack}`);
      }
    },
  };
}
