import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

/** What one context of a kubeconfig file says, with files read and data decoded. */
export interface KubeconfigContext {
  readonly server: string;
  readonly ca?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly token?: string;
  readonly namespace?: string;
  /** A program that says who the user is (client.authentication.k8s.io). */
  readonly exec?: ExecPlugin;
}

export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Beside what the process has itself. */
  readonly env: Readonly<Record<string, string>>;
  readonly installHint?: string;
}

interface File {
  'current-context'?: string;
  clusters?: { name: string; cluster: Record<string, unknown> }[];
  contexts?: { name: string; context: { cluster: string; user: string; namespace?: string } }[];
  users?: { name: string; user: Record<string, unknown> }[];
}

/** Reads a context (the current one by default). Errors: plain Error that names the file and what is missing. */
export function readKubeconfig(path: string, contextName?: string): KubeconfigContext {
  const file = (parse(readFileSync(path, 'utf8')) ?? {}) as File;
  const wanted = contextName ?? file['current-context'];
  const context = file.contexts?.find((c) => c.name === wanted)?.context;
  if (!context) throw new Error(`${path} has no context ${JSON.stringify(wanted ?? '')}`);
  const cluster = file.clusters?.find((c) => c.name === context.cluster)?.cluster;
  if (!cluster) throw new Error(`${path} has no cluster ${JSON.stringify(context.cluster)}`);
  const user = file.users?.find((u) => u.name === context.user)?.user ?? {};
  return {
    server: String(cluster['server']),
    ca: dataOrFile(cluster, 'certificate-authority'),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
    clientCertificate: dataOrFile(user, 'client-certificate'),
    clientKey: dataOrFile(user, 'client-key'),
    token: user['token'] as string | undefined,
    namespace: context.namespace,
    exec: execPlugin(user['exec']),
  };
}

function execPlugin(value: unknown): ExecPlugin | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { apiVersion, command, args, env, installHint } = value as Record<string, unknown>;
  const variables = (Array.isArray(env) ? env : []) as { name: string; value: string }[];
  return {
    apiVersion: String(apiVersion),
    command: String(command),
    args: (Array.isArray(args) ? args : []).map(String),
    env: Object.fromEntries(variables.map(({ name, value: one }) => [name, String(one)])),
    ...(typeof installHint === 'string' ? { installHint } : {}),
  };
}

function dataOrFile(section: Record<string, unknown>, key: string): string | undefined {
  const data = section[`${key}-data`];
  if (typeof data === 'string') return Buffer.from(data, 'base64').toString('utf8');
  const path = section[key];
  return typeof path === 'string' ? readFileSync(path, 'utf8') : undefined;
}

export interface KubeconfigInit {
  readonly name: string;
  readonly server: string;
  readonly ca: string;
  readonly user: { readonly clientCertificate: string; readonly clientKey: string } | { readonly token: string };
}

/** The text of a kubeconfig file with one cluster, user and context, all named `name`. */
export function kubeconfigText({ name, server, ca, user }: KubeconfigInit): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const credentials =
    'token' in user
      ? { token: user.token }
      : { 'client-certificate-data': base64(user.clientCertificate), 'client-key-data': base64(user.clientKey) };
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(ca) } }],
      users: [{ name, user: credentials }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      preferences: {},
    },
    { lineWidth: 0 },
  );
}
