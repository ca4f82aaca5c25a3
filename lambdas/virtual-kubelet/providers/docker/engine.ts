import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { ProviderError } from '../provider.ts';

export type Engine = Docker;

export interface EngineAddress {
  readonly engine: Engine;
  /** For messages: `unix:///var/run/docker.sock`. */
  readonly url: string;
}

/** Where the engine listens: DOCKER_HOST, or the socket that Docker, Docker Desktop, Colima, OrbStack or Rancher put there. */
export function findEngine(environment: Readonly<Record<string, string | undefined>> = process.env): EngineAddress {
  const host = environment['DOCKER_HOST'];
  if (host?.startsWith('unix://'))
    return { engine: new Docker({ socketPath: host.slice('unix://'.length) }), url: host };
  // dockerode reads DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH by itself.
  if (host) return { engine: new Docker(), url: host };
  const home = homedir();
  const sockets = [
    '/var/run/docker.sock',
    join(home, '.docker/run/docker.sock'),
    join(home, '.colima/default/docker.sock'),
    join(home, '.orbstack/run/docker.sock'),
    join(home, '.rd/docker.sock'),
    ...(environment['XDG_RUNTIME_DIR'] ? [join(environment['XDG_RUNTIME_DIR'], 'docker.sock')] : []),
  ];
  const socketPath = sockets.find((path) => existsSync(path)) ?? '/var/run/docker.sock';
  return { engine: new Docker({ socketPath }), url: `unix://${socketPath}` };
}

/** undefined when the engine answers and is recent enough, otherwise why not. */
export async function engineProblem(address: EngineAddress, timeoutMs = 3_000): Promise<string | undefined> {
  const timeout = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs).unref();
  });
  try {
    const version = await Promise.race([address.engine.version(), timeout]);
    const [major = 0, minor = 0] = version.ApiVersion.split('.').map(Number);
    if (major < 1 || (major === 1 && minor < 41))
      return `Docker at ${address.url} speaks API ${version.ApiVersion}; 1.41 (Docker 20.10) or newer is needed`;
    if (version.Os !== 'linux')
      return `Docker at ${address.url} runs ${version.Os} containers; Linux containers are needed`;
    return undefined;
  } catch (error) {
    return `Docker at ${address.url} does not answer: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const unreachable: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'EACCES',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

export function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

export const isMissing = (error: unknown): boolean => statusOf(error) === 404;
export const isAlreadySo = (error: unknown): boolean => statusOf(error) === 304;
export const isNameTaken = (error: unknown): boolean => statusOf(error) === 409;

/** The engine's own words, without dockerode's wrapping. */
export function engineMessage(error: unknown): string {
  const json = (error as { json?: { message?: unknown } } | undefined)?.json;
  if (json && typeof json.message === 'string') return json.message.trim();
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
}

/** Translates what dockerode throws; `reason` is the waiting reason for an engine that answered with a refusal. */
export function engineError(error: unknown, reason?: string): ProviderError {
  if (error instanceof ProviderError) return error;
  const code = (error as { code?: string } | undefined)?.code;
  const hungUp = error instanceof Error && /socket hang up|aborted/.test(error.message);
  if (statusOf(error) === undefined && ((code !== undefined && unreachable.has(code)) || hungUp)) {
    return new ProviderError('unavailable', `Docker does not answer: ${engineMessage(error)}`, { cause: error });
  }
  return new ProviderError(isMissing(error) ? 'not-found' : 'invalid', engineMessage(error), {
    cause: error,
    ...(reason === undefined ? {} : { reason }),
  });
}

/** Runs an engine call with its errors translated. */
export async function callEngine<T>(work: () => Promise<T>, reason?: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw engineError(error, reason);
  }
}
