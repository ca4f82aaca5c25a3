/** Access entries: which IAM principal is which user, in which groups. */
import type { CallerIdentity } from './caller-identity.ts';

export interface AccessEntry {
  /** An IAM user or role (`arn:aws:iam::123456789012:role/deployer`), or an account's root. Of a role its path does not count. */
  readonly principalArn: string;
  /** May hold {{SessionName}}, {{SessionNameRaw}} and {{AccountID}}. Absent: the ARN, of a role with the session's name. */
  readonly username?: string;
  readonly groups: readonly string[];
}

/** Reads the parameter `access`. Throws an Error that says which entry is wrong. */
export function parseAccessEntries(text: string): AccessEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error('access entries are not JSON', { cause: error });
  }
  if (!Array.isArray(value)) throw new Error('access entries are no list');
  return value.map((entry: unknown, i) => {
    const { principalArn, username, groups = [] } = (entry ?? {}) as Record<string, unknown>;
    const right =
      typeof principalArn === 'string' &&
      canonicalArn(principalArn) !== undefined &&
      (username === undefined || (typeof username === 'string' && username !== '')) &&
      Array.isArray(groups) &&
      groups.every((group) => typeof group === 'string' && group !== '');
    if (!right) throw new Error(`access entry ${i} is not {principalArn, username?, groups}`);
    return { principalArn, ...(username === undefined ? {} : { username }), groups: groups as string[] };
  });
}

/**
 * Who someone is for IAM, whatever session they are in: of an assumed role the role, without its path, because sessions do not
 * carry it and names of roles are unique in an account. undefined for what is no principal.
 */
export function canonicalArn(arn: string): string | undefined {
  const parts = /^arn:(aws[a-z-]*):(iam|sts)::(\d{12}):(.+)$/.exec(arn);
  if (!parts) return undefined;
  const [, partition, service, account, resource = ''] = parts;
  const [type, ...names] = resource.split('/');
  const principal = (name: string): string => `arn:${partition}:iam::${account}:${name}`;
  if (resource === 'root') return principal('root');
  if (names.length === 0 || names.some((name) => name === '')) return undefined;
  if (service === 'sts') {
    if (type === 'assumed-role') return names.length === 2 ? principal(`role/${names[0]}`) : undefined;
    return type === 'federated-user' ? `arn:${partition}:sts::${account}:${resource}` : undefined;
  }
  if (type === 'role') return principal(`role/${names.at(-1)}`);
  return type === 'user' ? principal(resource) : undefined;
}

/** The name of an assumed role's session; '' for others. */
export function sessionName(arn: string): string {
  return /:assumed-role\/[^/]+\/(.+)$/.exec(arn)?.[1] ?? '';
}

export function findAccessEntry(entries: readonly AccessEntry[], arn: string): AccessEntry | undefined {
  const wanted = canonicalArn(arn);
  return wanted === undefined ? undefined : entries.find((entry) => canonicalArn(entry.principalArn) === wanted);
}

export function usernameOf(entry: AccessEntry, identity: CallerIdentity): string {
  const session = sessionName(identity.arn);
  // Names of sessions are e-mail addresses often, and an @ is not for every place a user name goes to.
  return (entry.username ?? identity.arn)
    .replaceAll('{{AccountID}}', identity.account)
    .replaceAll('{{SessionNameRaw}}', session)
    .replaceAll('{{SessionName}}', session.replaceAll('@', '-'));
}
