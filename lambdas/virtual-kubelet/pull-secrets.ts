import type { Secret } from '@nodeless/apimachinery/generated/types/core/v1';
import type { ResolvedPod } from './providers/provider.ts';

type Credentials = ResolvedPod['pullSecrets'][number];

/** Registry credentials of a Secret of type dockerconfigjson or dockercfg; [] when it holds none that can be read. */
export function registryCredentials(secret: Secret): readonly Credentials[] {
  const current = secret.data?.['.dockerconfigjson'];
  const old = secret.data?.['.dockercfg'];
  const text = current ?? old;
  if (text === undefined) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
  } catch {
    return [];
  }
  const entries = current === undefined ? parsed : isRecord(parsed) ? parsed['auths'] : undefined;
  if (!isRecord(entries)) return [];
  const result: Credentials[] = [];
  for (const [registry, entry] of Object.entries(entries)) {
    if (!isRecord(entry)) continue;
    const credentials = userAndPassword(entry);
    if (credentials) result.push({ registry: registryHost(registry), ...credentials });
  }
  return result;
}

function userAndPassword(entry: Record<string, unknown>): { username: string; password: string } | undefined {
  if (typeof entry['auth'] === 'string' && entry['auth'] !== '') {
    const text = Buffer.from(entry['auth'], 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon > 0) return { username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  const { username, password } = entry;
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
}

/** `https://index.docker.io/v1/` → `docker.io`; other registries keep host and port. */
function registryHost(key: string): string {
  const host = key.replace(/^https?:\/\//, '').split('/')[0] ?? '';
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
