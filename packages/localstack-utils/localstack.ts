import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultLocalStackImage } from './choose-engine.ts';
import type { AwsEngine } from './engine.ts';
import { freePort } from './free-port.ts';
import { emulatorHealth } from './health.ts';

const startMs = 180_000;

/** What `docker` is told. The token goes by the environment: arguments can be seen by everybody. */
export function localStackArguments(name: string, port: number, image: string): string[] {
  return [
    'run',
    '--detach',
    '--rm',
    '--name',
    name,
    '--publish',
    `127.0.0.1:${port}:4566`,
    '--env',
    'LOCALSTACK_AUTH_TOKEN',
    '--env',
    // The containers of tasks and functions are made by the engine of this machine.
    'DOCKER_FLAGS=--label nodeless.localstack=' + name,
    '--volume',
    '/var/run/docker.sock:/var/run/docker.sock',
    image,
  ];
}

/** LocalStack's image, with the token of the environment. */
export async function startLocalStack(env: NodeJS.ProcessEnv = process.env): Promise<AwsEngine> {
  const image = env['LOCALSTACK_IMAGE'] ?? defaultLocalStackImage;
  const name = `nodeless-localstack-${randomBytes(4).toString('hex')}`;
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const docker = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync('docker', args, { encoding: 'utf8', env });
  const started = docker(...localStackArguments(name, port, image));
  if (started.status !== 0) throw new Error(`LocalStack did not start: ${started.stderr}`);
  const log = (): string => {
    const { stdout, stderr } = docker('logs', '--tail', '200', name);
    return stdout + stderr;
  };
  const stop = (): Promise<void> => {
    // Time to end its functions and tasks.
    docker('stop', '--time', '30', name);
    docker('rm', '--force', name);
    return Promise.resolve();
  };
  for (const deadline = Date.now() + startMs; Date.now() < deadline; await sleep(500)) {
    const health = await emulatorHealth(endpoint).catch(() => undefined);
    if (health && health.engine !== 'localstack') {
      await stop();
      throw new Error(`the image ${image} is ${health.engine}, not LocalStack`);
    }
    if (health)
      return {
        engine: 'localstack',
        version: health.version,
        endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
        log,
        stop,
      };
    if (docker('container', 'inspect', name).status !== 0) throw new Error(`LocalStack ended: ${started.stderr}`);
  }
  const said = log();
  await stop();
  throw new Error(`LocalStack did not answer in ${startMs / 1000} s:\n${said.slice(-3000)}`);
}
