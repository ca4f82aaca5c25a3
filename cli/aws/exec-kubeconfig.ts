/** Contexts for clusters in AWS, whose user is whoever the exec plugin says. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseDocument } from 'yaml';
import { UserError } from '../output.ts';

export interface ExecContext {
  /** Of cluster, user and context. */
  readonly name: string;
  readonly server: string;
  /** PEM of the authority that the server's certificate is of; absent: a public one. */
  readonly ca?: string;
  readonly namespace?: string;
  readonly exec: {
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  };
}

interface Named {
  name: string;
  [key: string]: unknown;
}

/** The text of a kubeconfig that had this one before; everything else in it stays. Throws UserError when it cannot be read. */
export function withContext(text: string, context: ExecContext, current: boolean): string {
  const { name, server, ca, namespace, exec } = context;
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new UserError(`it is not YAML: ${document.errors[0]?.message.split('\n')[0]}`);
  const value = (document.toJS() ?? {}) as Record<string, unknown>;
  if (typeof value !== 'object' || Array.isArray(value)) throw new UserError('it is no kubeconfig');
  const put = (list: string, entry: Named): void => {
    const before = (Array.isArray(value[list]) ? value[list] : []) as Named[];
    const index = before.findIndex((one) => one.name === entry.name);
    document.set(list, document.createNode(index < 0 ? [...before, entry] : before.with(index, entry)));
  };
  if (value['apiVersion'] === undefined) document.set('apiVersion', 'v1');
  if (value['kind'] === undefined) document.set('kind', 'Config');
  const authority = ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  put('clusters', { name, cluster: { server, ...authority } });
  put('users', {
    name,
    user: {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: exec.command,
        args: [...exec.args],
        env: Object.entries(exec.env).map(([key, one]) => ({ name: key, value: one })),
        interactiveMode: 'IfAvailable',
        provideClusterInfo: false,
      },
    },
  });
  put('contexts', { name, context: { cluster: name, user: name, ...(namespace ? { namespace } : {}) } });
  if (current || value['current-context'] === undefined) document.set('current-context', name);
  return document.toString({ lineWidth: 0 });
}

/** Adds the context to a file, which only its owner may read then. */
export function writeContext(path: string, context: ExecContext, current: boolean): void {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  let after: string;
  try {
    after = withContext(before, context, current);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${path} cannot be added to: ${error.message}`);
    throw error;
  }
  mkdirSync(dirname(path), { recursive: true });
  const next = `${path}.${process.pid}.tmp`;
  writeFileSync(next, after, { mode: 0o600 });
  renameSync(next, path);
  chmodSync(path, 0o600);
}
