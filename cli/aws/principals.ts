/**
 * Who someone is for IAM, whatever session they are in: the API server compares access entries in this form, too. Of an assumed
 * role the role without its path, which sessions do not carry. undefined for what cannot have an access entry.
 */
export function principalOf(arn: string): string | undefined {
  const parts = /^arn:(aws[a-z-]*):(iam|sts)::(\d{12}):(.+)$/.exec(arn);
  if (!parts) return undefined;
  const [, partition, service, account, resource = ''] = parts;
  const [type, ...names] = resource.split('/');
  const principal = (rest: string): string => `arn:${partition}:iam::${account}:${rest}`;
  if (service === 'sts')
    return type === 'assumed-role' && names.length === 2 ? principal(`role/${names[0]}`) : undefined;
  if (resource === 'root') return principal('root');
  if (type === 'role' && names.length > 0) return principal(`role/${names.at(-1)}`);
  return type === 'user' && names.length > 0 ? principal(resource) : undefined;
}

interface AccessEntry {
  readonly principalArn: string;
  readonly groups: readonly string[];
}

/** Entries of the parameter `access`; none where it cannot be read. */
export function accessEntries(text: string | undefined): readonly AccessEntry[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? (value as AccessEntry[]) : [];
  } catch {
    return [];
  }
}

export function hasEntry(entries: readonly AccessEntry[], arn: string): boolean {
  const wanted = principalOf(arn);
  return wanted !== undefined && entries.some(({ principalArn }) => principalOf(principalArn) === wanted);
}
