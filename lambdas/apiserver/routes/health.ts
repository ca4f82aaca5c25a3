/** /healthz, /livez and /readyz with their checks. */
import type { ApiResponse } from '../exchange.ts';
import type { Call } from '../call.ts';
import { pageNotFound, textResponse } from '../responses.ts';

export interface HealthCheck {
  readonly name: string;
  /** Which of the three it counts for. */
  readonly for: readonly ('livez' | 'readyz' | 'healthz')[];
  /** Throws when it is not well. What it says is not told to everybody: these paths are open to all. */
  check(): void | Promise<void>;
}

export const ping: HealthCheck = { name: 'ping', for: ['livez', 'readyz', 'healthz'], check: () => {} };

/** `segments`: the path, `livez` first, then the name of one check. */
export async function serveHealth(
  call: Call,
  [endpoint = '', ...name]: readonly string[],
  checks: readonly HealthCheck[],
): Promise<ApiResponse> {
  const own = checks.filter((check) => (check.for as readonly string[]).includes(endpoint));
  if (name.length === 0) return serveAll(call, endpoint, own);
  const one = own.find((check) => check.name === name.join('/'));
  if (!one) return pageNotFound();
  try {
    await one.check();
    return textResponse(200, 'ok');
  } catch (error) {
    return textResponse(500, `internal server error: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

async function serveAll({ query }: Call, endpoint: string, checks: readonly HealthCheck[]): Promise<ApiResponse> {
  const excluded = new Set(query.getAll('exclude').filter((name) => name !== ''));
  const lines: string[] = [];
  let failed = false;
  for (const check of checks) {
    if (excluded.delete(check.name)) {
      lines.push(`[+]${check.name} excluded: ok`);
      continue;
    }
    try {
      await check.check();
      lines.push(`[+]${check.name} ok`);
    } catch {
      failed = true;
      lines.push(`[-]${check.name} failed: reason withheld`);
    }
  }
  if (excluded.size > 0) {
    const names = [...excluded].sort().map((name) => JSON.stringify(name));
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names.join(', ')}`);
  }
  if (failed) return textResponse(500, `${lines.join('\n')}\n${endpoint} check failed\n`);
  return textResponse(200, query.has('verbose') ? `${lines.join('\n')}\n${endpoint} check passed\n` : 'ok');
}
