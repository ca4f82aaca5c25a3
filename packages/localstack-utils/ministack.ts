import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { AwsEngine } from './engine.ts';
import { freePort } from './free-port.ts';
import { emulatorHealth } from './health.ts';
import { runProgram, waitUntilReady } from './program.ts';

/** The one that scripts/ci/install.sh made, else one of PATH. */
export function findMiniStack(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const tools = env['NODELESS_TOOLS'] ?? join(env['HOME'] ?? homedir(), '.cache', 'nodeless-tools');
  const own = join(tools, 'aws-emulator', 'bin', 'ministack');
  if (existsSync(own)) return own;
  return (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'ministack'))
    .find((path) => existsSync(path));
}

const startMs = 60_000;

/** MiniStack on a free port of the loopback interface. Its functions run on this process's Node. */
export async function startMiniStack(env: NodeJS.ProcessEnv = process.env): Promise<AwsEngine> {
  const program = findMiniStack(env);
  if (!program) throw new Error('there is no ministack here');
  for (let attempt = 0; ; attempt++) {
    try {
      return await startOn(program, await freePort(), env);
    } catch (error) {
      // The port may be taken between looking and listening.
      if (attempt >= 2) throw error;
    }
  }
}

async function startOn(path: string, port: number, env: NodeJS.ProcessEnv): Promise<AwsEngine> {
  const endpoint = `http://127.0.0.1:${port}`;
  // Containers carry "<host>:<port>" as a label. The name is ours alone, so that nobody else's are removed.
  const host = `nodeless-${randomBytes(6).toString('hex')}`;
  const region = 'us-east-1';
  // It leaves the containers of its tasks behind, those that run as well as those that have ended.
  const label = `ministack.instance=${host}:${port}`;
  const removal = `docker ps --all --quiet --filter label=${label} | xargs --no-run-if-empty docker rm --force --volumes >/dev/null`;
  const variables = {
    ...withoutAws(env),
    PATH: [dirname(process.execPath), env['PATH'] ?? ''].join(delimiter),
    BIND_HOST: '127.0.0.1',
    GATEWAY_PORT: String(port),
    MINISTACK_HOST: '127.0.0.1',
    MINISTACK_HOSTNAME: host,
    MINISTACK_REGION: region,
    IOT_MTLS_ENABLED: '0',
    AWS_ENDPOINT_URL: endpoint,
    PYTHONUNBUFFERED: '1',
  };
  const program = runProgram(path, [], variables, removal);
  const { version } = await waitUntilReady('MiniStack', program, startMs, () => emulatorHealth(endpoint));
  return {
    engine: 'ministack',
    version,
    endpoint,
    region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    log: program.log,
    stop: program.stop,
  };
}

/** Credentials and profiles of the developer have no business in an emulator's functions. */
function withoutAws(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('AWS_')));
}
