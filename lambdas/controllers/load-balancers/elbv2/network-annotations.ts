/** Annotations of Services, as the AWS Load Balancer Controller names them, and what becomes of each. */
import { boolean, integer, stringList, stringMap } from './annotation-values.ts';

export const annotationPrefix = 'service.beta.kubernetes.io/aws-load-balancer-';

export interface NetworkSettings {
  scheme: 'internal' | 'internet-facing' | undefined;
  name: string | undefined;
  ipAddressType: 'ipv4' | 'dualstack';
  subnets: readonly string[];
  eipAllocations: readonly string[];
  privateAddresses: readonly string[];
  ipv6Addresses: readonly string[];
  securityGroups: readonly string[];
  manageBackendRules: boolean | undefined;
  certificates: readonly string[];
  /** undefined = every TCP port. */
  sslPorts: readonly string[] | undefined;
  sslPolicy: string;
  alpnPolicy: string;
  backendTls: boolean;
  proxyProtocol: boolean;
  attributes: Record<string, string>;
  targetGroupAttributes: Record<string, string>;
  tags: Record<string, string>;
  checkProtocol: string | undefined;
  checkPort: string | undefined;
  checkPath: string;
  checkIntervalSeconds: number;
  checkTimeoutSeconds: number | undefined;
  checkHealthyThreshold: number;
  checkUnhealthyThreshold: number;
  checkSuccessCodes: string;
}

export interface AnnotationProblem {
  readonly annotation: string;
  readonly kind: 'unknown' | 'refused' | 'invalid';
  readonly message: string;
}

/** One annotation: what is done with its value, and which values it may have. A text answers what is wrong with the value. */
interface Take {
  (value: string, settings: NetworkSettings): string | undefined;
  readonly wanted: string;
}

/** Sets where the value can be read, else says what is wanted. */
function take<T>(
  parse: (value: string) => T | undefined,
  wanted: string,
  set: (settings: NetworkSettings, value: T) => void,
): Take {
  const read = (value: string, settings: NetworkSettings): string | undefined => {
    const parsed = parse(value.trim());
    if (parsed === undefined) return `must be ${wanted}`;
    set(settings, parsed);
    return undefined;
  };
  return Object.assign(read, { wanted });
}
const oneOf = <T extends string>(...values: readonly T[]): ((value: string) => T | undefined) => {
  return (value) => values.find((one) => one.toLowerCase() === value.toLowerCase());
};
const some = (value: string): string[] | undefined => {
  const list = stringList(value);
  return list.length > 0 ? list : undefined;
};
const map = (set: (settings: NetworkSettings, value: Record<string, string>) => void): Take =>
  take(stringMap, 'a list of key=value pairs', set);
const attribute = (key: string, parse: (value: string) => string | undefined, wanted: string): Take =>
  take(parse, wanted, (s, value) => (s.attributes[key] ??= value));
const flag = (value: string): string | undefined => (boolean(value) === undefined ? undefined : value);
const count = (from: number, to: number, set: (settings: NetworkSettings, value: number) => void): Take =>
  take((value) => integer(value, from, to), `a number from ${from} to ${to}`, set);

/** In this order; where two say the same thing, the first wins only where it says so. */
const known: Readonly<Record<string, Take>> = {
  type: take(
    oneOf('external', 'nlb-ip', 'nlb'),
    '"external", "nlb-ip" or "nlb": there are no other kinds here',
    () => {},
  ),
  'nlb-target-type': take(
    oneOf('ip'),
    '"ip": pods have addresses of their own here and there are no instances',
    () => {},
  ),
  name: take(
    (value) => (/^(?!internal-)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(value) ? value : undefined),
    'at most 32 letters, digits and hyphens, without a hyphen at either end',
    (s, value) => (s.name = value),
  ),
  scheme: take(oneOf('internal', 'internet-facing'), '"internal" or "internet-facing"', (s, v) => (s.scheme = v)),
  internal: take(boolean, '"true" or "false"', (s, v) => (s.scheme ??= v ? 'internal' : 'internet-facing')),
  'ip-address-type': take(oneOf('ipv4', 'dualstack'), '"ipv4" or "dualstack"', (s, v) => (s.ipAddressType = v)),
  subnets: take(some, 'a list of subnet ids', (s, v) => (s.subnets = v)),
  'eip-allocations': take(some, 'a list of allocation ids', (s, v) => (s.eipAllocations = v)),
  'private-ipv4-addresses': take(some, 'a list of addresses', (s, v) => (s.privateAddresses = v)),
  'ipv6-addresses': take(some, 'a list of addresses', (s, v) => (s.ipv6Addresses = v)),
  'security-groups': take(
    (value) => {
      const list = some(value);
      return list?.every((id) => id.startsWith('sg-')) ? list : undefined;
    },
    'a list of security group ids',
    (s, v) => (s.securityGroups = v),
  ),
  'manage-backend-security-group-rules': take(boolean, '"true" or "false"', (s, v) => (s.manageBackendRules = v)),
  'ssl-cert': take(some, 'a list of certificate ARNs', (s, v) => (s.certificates = v)),
  'ssl-ports': take(some, 'a list of port names or numbers', (s, v) => (s.sslPorts = v)),
  'ssl-negotiation-policy': take(
    (value) => value || undefined,
    'the name of a security policy',
    (s, v) => (s.sslPolicy = v),
  ),
  'alpn-policy': take(
    oneOf('HTTP1Only', 'HTTP2Only', 'HTTP2Optional', 'HTTP2Preferred', 'None'),
    'HTTP1Only, HTTP2Only, HTTP2Optional, HTTP2Preferred or None',
    (s, v) => (s.alpnPolicy = v === 'None' ? '' : v),
  ),
  'backend-protocol': take(oneOf('tcp', 'ssl'), '"tcp" or "ssl"', (s, v) => (s.backendTls = v === 'ssl')),
  'proxy-protocol': take(oneOf('*'), '"*"', (s) => (s.proxyProtocol = true)),
  'additional-resource-tags': map((s, v) => (s.tags = v)),
  // Before those that say the same in the old way: their values win, as the controller's documentation has it.
  'access-log-enabled': attribute('access_logs.s3.enabled', flag, '"true" or "false"'),
  'access-log-s3-bucket-name': attribute('access_logs.s3.bucket', (v) => v || undefined, 'the name of a bucket'),
  'access-log-s3-bucket-prefix': attribute('access_logs.s3.prefix', (v) => v, 'a prefix'),
  'cross-zone-load-balancing-enabled': attribute('load_balancing.cross_zone.enabled', flag, '"true" or "false"'),
  attributes: map((s, v) => (s.attributes = { ...v, ...s.attributes })),
  'target-group-attributes': map((s, v) => (s.targetGroupAttributes = v)),
  'healthcheck-protocol': take(
    oneOf('TCP', 'HTTP', 'HTTPS'),
    '"tcp", "http" or "https"',
    (s, v) => (s.checkProtocol = v),
  ),
  'healthcheck-port': take(
    (value) => (value === 'traffic-port' || integer(value, 1, 65_535) !== undefined ? value : undefined),
    '"traffic-port" or a port number',
    (s, v) => (s.checkPort = v),
  ),
  'healthcheck-path': take(
    (value) => (value.startsWith('/') ? value : undefined),
    'a path that begins with "/"',
    (s, v) => (s.checkPath = v),
  ),
  'healthcheck-interval': count(5, 300, (s, v) => (s.checkIntervalSeconds = v)),
  'healthcheck-timeout': count(2, 120, (s, v) => (s.checkTimeoutSeconds = v)),
  'healthcheck-healthy-threshold': count(2, 10, (s, v) => (s.checkHealthyThreshold = v)),
  'healthcheck-unhealthy-threshold': count(2, 10, (s, v) => (s.checkUnhealthyThreshold = v)),
  'healthcheck-success-codes': take(
    (value) => (/^\d{3}(?:[-,]\d{3})*$/.test(value) ? value : undefined),
    'HTTP codes such as 200-399',
    (s, v) => (s.checkSuccessCodes = v),
  ),
};

const refused: Readonly<Record<string, string>> = {
  'target-node-labels': 'targets are pods and not nodes; select pods with spec.selector',
  'connection-idle-timeout':
    'classic load balancers only; set tcp.idle_timeout.seconds with listener attributes by hand',
  'connection-draining-enabled':
    'classic load balancers only; use target-group-attributes: deregistration_delay.timeout_seconds',
  'connection-draining-timeout':
    'classic load balancers only; use target-group-attributes: deregistration_delay.timeout_seconds',
  'extra-security-groups': 'classic load balancers only; use aws-load-balancer-security-groups',
  'multi-cluster-target-group': 'target groups belong to one cluster',
  'inbound-sg-rules-on-private-link-traffic': 'not set here; change it on the load balancer',
  'enable-prefix-for-ipv6-source-nat': 'UDP over dual-stack load balancers is not served',
  'source-nat-ipv6-prefixes': 'UDP over dual-stack load balancers is not served',
  'minimum-load-balancer-capacity': 'reserved capacity costs by the hour; reserve it on the load balancer',
  'enable-icmp-for-path-mtu-discovery': 'not set here; add the rule to a security group of your own',
};

export interface AnnotationRow {
  readonly annotation: string;
  readonly served: boolean;
  /** Its values, or why it is not served. */
  readonly note: string;
}

/** What is served and what is not, for the documentation. */
export const networkAnnotations: readonly AnnotationRow[] = [
  ...Object.entries(known).map(([name, { wanted }]) => ({
    annotation: annotationPrefix + name,
    served: true,
    note: wanted,
  })),
  ...Object.entries(refused).map(([name, note]) => ({ annotation: annotationPrefix + name, served: false, note })),
];

/** Reads what is known. What is not known, not to be had here or not readable is told and has no effect. */
export function readNetworkAnnotations(annotations: Readonly<Record<string, string>>): {
  readonly settings: NetworkSettings;
  readonly problems: readonly AnnotationProblem[];
} {
  const settings: NetworkSettings = {
    scheme: undefined,
    name: undefined,
    ipAddressType: 'ipv4',
    subnets: [],
    eipAllocations: [],
    privateAddresses: [],
    ipv6Addresses: [],
    securityGroups: [],
    manageBackendRules: undefined,
    certificates: [],
    sslPorts: undefined,
    sslPolicy: '',
    alpnPolicy: '',
    backendTls: false,
    proxyProtocol: false,
    attributes: {},
    targetGroupAttributes: {},
    tags: {},
    checkProtocol: undefined,
    checkPort: undefined,
    checkPath: '/',
    checkIntervalSeconds: 10,
    checkTimeoutSeconds: undefined,
    checkHealthyThreshold: 3,
    checkUnhealthyThreshold: 3,
    checkSuccessCodes: '200-399',
  };
  const problems: AnnotationProblem[] = [];
  const given = new Map(
    Object.entries(annotations)
      .filter(([key]) => key.startsWith(annotationPrefix))
      .map(([key, value]) => [key.slice(annotationPrefix.length), value]),
  );
  for (const [name, read] of Object.entries(known)) {
    const value = given.get(name);
    if (value === undefined) continue;
    const message = read(value, settings);
    if (message)
      problems.push({
        annotation: annotationPrefix + name,
        kind: 'invalid',
        message: `${message}; got ${JSON.stringify(value)}`,
      });
  }
  for (const name of given.keys()) {
    if (Object.hasOwn(known, name)) continue;
    problems.push({
      annotation: annotationPrefix + name,
      kind: Object.hasOwn(refused, name) ? 'refused' : 'unknown',
      message: Object.hasOwn(refused, name) ? (refused[name] as string) : 'there is no such annotation',
    });
  }
  return { settings, problems };
}
