/** Annotations of Ingresses (and of the Services behind them), as the AWS Load Balancer Controller names them. */
import { boolean, integer, stringList, stringMap } from '../load-balancers/elbv2/annotation-values.ts';
import type { AnnotationProblem, AnnotationRow } from '../load-balancers/elbv2/network-annotations.ts';

export const albPrefix = 'alb.ingress.kubernetes.io/';

export interface ListenPort {
  readonly protocol: 'HTTP' | 'HTTPS';
  readonly port: number;
}

/** What one Ingress says of the load balancer; undefined = nothing. */
export interface BalancerSettings {
  name?: string;
  scheme?: 'internal' | 'internet-facing';
  ipAddressType?: 'ipv4' | 'dualstack';
  subnets?: readonly string[];
  securityGroups?: readonly string[];
  manageBackendRules?: boolean;
  attributes?: Readonly<Record<string, string>>;
  tags?: Readonly<Record<string, string>>;
  listenPorts?: readonly ListenPort[];
  sslRedirect?: number;
  inboundCidrs?: readonly string[];
  certificates?: readonly string[];
  sslPolicy?: string;
  order?: number;
}

/** What an Ingress or a Service says of a backend; the Service wins. */
export interface BackendSettings {
  protocol?: 'HTTP' | 'HTTPS';
  protocolVersion?: 'HTTP1' | 'HTTP2' | 'GRPC';
  attributes?: Readonly<Record<string, string>>;
  checkPort?: string;
  checkProtocol?: 'HTTP' | 'HTTPS';
  checkPath?: string;
  checkIntervalSeconds?: number;
  checkTimeoutSeconds?: number;
  checkHealthyThreshold?: number;
  checkUnhealthyThreshold?: number;
  checkSuccessCodes?: string;
}

interface Settings extends BalancerSettings, BackendSettings {
  backendAttributes?: Readonly<Record<string, string>>;
}

interface Entry<T = unknown> {
  readonly parse: (value: string) => T | undefined;
  readonly wanted: string;
  readonly set: (settings: Settings, value: T) => void;
}
/** Keeps the type of the value between `parse` and `set` to itself. */
const entry = <T>(parse: Entry<T>['parse'], wanted: string, set: Entry<T>['set']): Entry =>
  ({ parse, wanted, set }) as unknown as Entry;
const oneOf =
  <T extends string>(...values: readonly T[]) =>
  (value: string): T | undefined =>
    values.find((one) => one === value);
const some = (value: string): string[] | undefined => {
  const list = stringList(value);
  return list.length > 0 ? list : undefined;
};
const text =
  (pattern: RegExp) =>
  (value: string): string | undefined =>
    pattern.test(value) ? value : undefined;
const range =
  (from: number, to: number) =>
  (value: string): number | undefined =>
    integer(value, from, to);

export function parseListenPorts(value: string): ListenPort[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed) || parsed.length === 0) return undefined;
  const ports: ListenPort[] = [];
  for (const one of parsed as unknown[]) {
    if (typeof one !== 'object' || one === null) return undefined;
    for (const [protocol, port] of Object.entries(one)) {
      if ((protocol !== 'HTTP' && protocol !== 'HTTPS') || typeof port !== 'number') return undefined;
      if (!Number.isInteger(port) || port < 1 || port > 65_535 || ports.some((p) => p.port === port)) return undefined;
      ports.push({ protocol, port });
    }
  }
  return ports;
}

const known: Readonly<Record<string, Entry>> = {
  'load-balancer-name': entry(
    text(/^(?!internal-)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/),
    'at most 32 letters, digits and hyphens, without a hyphen at either end',
    (s, v) => (s.name = v),
  ),
  'group.name': entry(
    text(/^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/),
    'at most 63 lower case letters, digits, "-" and "."',
    () => {},
  ),
  'group.order': entry(range(-1000, 1000), 'a number up to 1000', (s, v) => (s.order = v)),
  tags: entry(stringMap, 'a list of key=value pairs', (s, v) => (s.tags = v)),
  'ip-address-type': entry(oneOf('ipv4', 'dualstack'), '"ipv4" or "dualstack"', (s, v) => (s.ipAddressType = v)),
  scheme: entry(oneOf('internal', 'internet-facing'), '"internal" or "internet-facing"', (s, v) => (s.scheme = v)),
  subnets: entry(some, 'a list of subnet ids', (s, v) => (s.subnets = v)),
  'security-groups': entry(
    (value) => (some(value)?.every((id) => id.startsWith('sg-')) ? some(value) : undefined),
    'a list of security group ids',
    (s, v) => (s.securityGroups = v),
  ),
  'manage-backend-security-group-rules': entry(boolean, '"true" or "false"', (s, v) => (s.manageBackendRules = v)),
  'load-balancer-attributes': entry(stringMap, 'a list of key=value pairs', (s, v) => (s.attributes = v)),
  'listen-ports': entry(
    parseListenPorts,
    'JSON such as [{"HTTP": 80}, {"HTTPS": 443}], each port once',
    (s, v) => (s.listenPorts = v),
  ),
  'ssl-redirect': entry(range(1, 65_535), 'a port number', (s, v) => (s.sslRedirect = v)),
  'inbound-cidrs': entry(some, 'a list of address ranges', (s, v) => (s.inboundCidrs = v)),
  'certificate-arn': entry(some, 'a list of certificate ARNs', (s, v) => (s.certificates = v)),
  'ssl-policy': entry(
    (value) => value || undefined,
    'the name of a security policy',
    (s, v) => (s.sslPolicy = v),
  ),
  'target-type': entry(oneOf('ip'), '"ip": pods have addresses of their own here and there are no instances', () => {}),
  'backend-protocol': entry(oneOf('HTTP', 'HTTPS'), '"HTTP" or "HTTPS"', (s, v) => (s.protocol = v)),
  'backend-protocol-version': entry(
    oneOf('HTTP1', 'HTTP2', 'GRPC'),
    '"HTTP1", "HTTP2" or "GRPC"',
    (s, v) => (s.protocolVersion = v),
  ),
  'target-group-attributes': entry(stringMap, 'a list of key=value pairs', (s, v) => (s.backendAttributes = v)),
  'healthcheck-port': entry(
    (value) => (value === 'traffic-port' || integer(value, 1, 65_535) !== undefined ? value : undefined),
    '"traffic-port" or a port number',
    (s, v) => (s.checkPort = v),
  ),
  'healthcheck-protocol': entry(oneOf('HTTP', 'HTTPS'), '"HTTP" or "HTTPS"', (s, v) => (s.checkProtocol = v)),
  'healthcheck-path': entry(text(/^\//), 'a path that begins with "/"', (s, v) => (s.checkPath = v)),
  'healthcheck-interval-seconds': entry(
    range(5, 300),
    'a number from 5 to 300',
    (s, v) => (s.checkIntervalSeconds = v),
  ),
  'healthcheck-timeout-seconds': entry(range(2, 120), 'a number from 2 to 120', (s, v) => (s.checkTimeoutSeconds = v)),
  'healthy-threshold-count': entry(range(2, 10), 'a number from 2 to 10', (s, v) => (s.checkHealthyThreshold = v)),
  'unhealthy-threshold-count': entry(range(2, 10), 'a number from 2 to 10', (s, v) => (s.checkUnhealthyThreshold = v)),
  'success-codes': entry(
    text(/^\d{1,3}(?:[-,]\d{1,3})*$/),
    'codes such as 200-399',
    (s, v) => (s.checkSuccessCodes = v),
  ),
};

const noAuthentication = 'authentication at the load balancer is not served; do it in the backend';
const refused: Readonly<Record<string, string>> = {
  'customer-owned-ipv4-pool': 'there are no Outposts here',
  'wafv2-acl-arn': 'attach the web ACL to the load balancer yourself',
  'waf-acl-id': 'attach the web ACL to the load balancer yourself',
  'web-acl-id': 'attach the web ACL to the load balancer yourself',
  'shield-advanced-protection': 'protect the load balancer yourself',
  'mutual-authentication': 'client certificates are not checked by load balancers here; do it in the backend',
  'target-node-labels': 'targets are pods and not nodes',
  'auth-type': noAuthentication,
  'auth-idp-cognito': noAuthentication,
  'auth-idp-oidc': noAuthentication,
  'auth-on-unauthenticated-request': noAuthentication,
  'auth-scope': noAuthentication,
  'auth-session-cookie': noAuthentication,
  'auth-session-timeout': noAuthentication,
};

/** What is served and what is not, for the documentation. */
export const ingressAnnotations: readonly AnnotationRow[] = [
  ...Object.entries(known).map(([name, { wanted }]) => ({ annotation: albPrefix + name, served: true, note: wanted })),
  {
    annotation: `${albPrefix}actions.<name>`,
    served: true,
    note: 'JSON of a fixed response, a redirect, or a forward to up to five Services by weight',
  },
  { annotation: `${albPrefix}conditions.<name>`, served: false, note: 'only hosts and paths choose a backend here' },
  ...Object.entries(refused).map(([name, note]) => ({ annotation: albPrefix + name, served: false, note })),
];

export interface ReadAnnotations {
  readonly balancer: BalancerSettings;
  readonly backend: BackendSettings;
  /** JSON of `actions.<name>`. */
  readonly actions: ReadonlyMap<string, string>;
  readonly problems: readonly AnnotationProblem[];
}

export function readIngressAnnotations(annotations: Readonly<Record<string, string>>): ReadAnnotations {
  const settings: Settings = {};
  const actions = new Map<string, string>();
  const problems: AnnotationProblem[] = [];
  for (const [key, value] of Object.entries(annotations)) {
    if (!key.startsWith(albPrefix)) continue;
    const name = key.slice(albPrefix.length);
    const found = Object.hasOwn(known, name) ? known[name] : undefined;
    if (found) {
      const parsed = found.parse(value.trim());
      if (parsed === undefined)
        problems.push({
          annotation: key,
          kind: 'invalid',
          message: `must be ${found.wanted}; got ${JSON.stringify(value)}`,
        });
      else found.set(settings, parsed);
    } else if (name.startsWith('actions.')) actions.set(name.slice('actions.'.length), value);
    else if (name.startsWith('conditions.'))
      problems.push({ annotation: key, kind: 'refused', message: 'only hosts and paths choose a backend here' });
    else
      problems.push({
        annotation: key,
        kind: Object.hasOwn(refused, name) ? 'refused' : 'unknown',
        message: Object.hasOwn(refused, name) ? (refused[name] as string) : 'there is no such annotation',
      });
  }
  const { protocol, protocolVersion, backendAttributes, checkPort, checkProtocol, checkPath } = settings;
  return {
    balancer: settings,
    backend: {
      protocol,
      protocolVersion,
      attributes: backendAttributes,
      checkPort,
      checkProtocol,
      checkPath,
      checkIntervalSeconds: settings.checkIntervalSeconds,
      checkTimeoutSeconds: settings.checkTimeoutSeconds,
      checkHealthyThreshold: settings.checkHealthyThreshold,
      checkUnhealthyThreshold: settings.checkUnhealthyThreshold,
      checkSuccessCodes: settings.checkSuccessCodes,
    },
    actions,
    problems,
  };
}

/** The Service's word before the Ingress's. */
export function mergeBackend(service: BackendSettings, ingress: BackendSettings): BackendSettings {
  const said = (settings: BackendSettings): BackendSettings =>
    Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return { ...said(ingress), ...said(service) };
}
