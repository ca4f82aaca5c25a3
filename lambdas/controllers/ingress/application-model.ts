/** What a group of Ingresses wants of an application load balancer. Pure. */
import type { Service, ServicePort } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Ingress, IngressBackend } from '@nodeless/apimachinery/generated/types/networking/v1';
import type { Request } from '@nodeless/controller-runtime/controller';
import type {
  DesiredAction,
  DesiredListener,
  DesiredRule,
  DesiredStack,
  DesiredTarget,
  DesiredTargetGroup,
  StackOwner,
} from '../load-balancers/elbv2/desired-stack.ts';
import {
  backendTag,
  loadBalancerName,
  securityGroupName,
  stackTags,
  tagValue,
  targetGroupName,
} from '../load-balancers/elbv2/names.ts';
import { type Surroundings, defaultDrainSeconds, defaultSslPolicy } from '../load-balancers/elbv2/network-model.ts';
import { type LoadBalancerNotice, LoadBalancerProblem } from '../load-balancers/load-balancer.ts';
import { parseAction } from './ingress-actions.ts';
import {
  type BackendSettings,
  type BalancerSettings,
  type ListenPort,
  type ReadAnnotations,
  albPrefix,
  mergeBackend,
  readIngressAnnotations,
} from './ingress-annotations.ts';
import { groupId } from './ingress-groups.ts';
import { routesOf } from './ingress-paths.ts';

export interface ApplicationInput {
  readonly group: Request;
  readonly members: readonly Ingress[];
  readonly around: Surroundings;
  service(namespace: string, name: string): Service | undefined;
  targets(service: Service, port: ServicePort): readonly DesiredTarget[];
  /** ARN of a certificate for the host; undefined = there is none. */
  certificateFor(host: string): string | undefined;
}

export interface ApplicationModel {
  readonly stack: DesiredStack;
  /** By `<namespace>/<name>` of the Ingress. */
  readonly notices: ReadonlyMap<string, readonly LoadBalancerNotice[]>;
}

interface Member {
  readonly id: string;
  readonly ingress: Ingress;
  readonly read: ReadAnnotations;
  readonly ports: readonly ListenPort[];
  readonly warn: (reason: string, message: string) => void;
}

const notFound: DesiredAction = { do: 'respond', status: '404', contentType: 'text/plain', body: '' };
const unavailable = (body: string): DesiredAction => ({
  do: 'respond',
  status: '503',
  contentType: 'text/plain',
  body,
});

/** Throws LoadBalancerProblem where the members contradict each other. */
export function buildApplicationModel(input: ApplicationInput): ApplicationModel {
  const { group, around } = input;
  const notices = new Map<string, LoadBalancerNotice[]>();
  const members = input.members.map((ingress) => readMember(ingress, notices)).toSorted(byOrder);
  const one = <T>(what: string, pick: (settings: BalancerSettings) => T | undefined): T | undefined =>
    exclusive(members, what, pick);

  const owner: StackOwner = {
    kind: 'ingress',
    id: groupId(group),
    uid: group.namespace ? (members[0]?.ingress.metadata?.uid ?? '') : '',
  };
  const scheme = one('scheme', (s) => s.scheme) ?? around.defaultScheme;
  const variant = ['application', scheme];
  const ipAddressType = one('ip-address-type', (s) => s.ipAddressType) ?? 'ipv4';
  const usual =
    scheme === 'internal' && around.subnets.private.length > 0 ? around.subnets.private : around.subnets.public;
  const subnets = one('subnets', (s) => s.subnets) ?? usual;
  if (subnets.length < 2)
    throw new LoadBalancerProblem(
      'InvalidLoadBalancer',
      `an application load balancer needs subnets in two zones, there is ${subnets.length}; name them with ${albPrefix}subnets`,
    );
  const own = one('security-groups', (s) => s.securityGroups);
  const manage = one('manage-backend-security-group-rules', (s) => s.manageBackendRules);
  const targetGroups = new Map<string, DesiredTargetGroup>();
  const context: Context = { input, owner, variant, targetGroups };
  const listeners = listenersOf(members, context, {
    redirect: one('ssl-redirect', (s) => s.sslRedirect),
    sslPolicy: one('ssl-policy', (s) => s.sslPolicy) ?? defaultSslPolicy,
  });
  return {
    notices,
    stack: {
      owner,
      tags: stackTags(
        around.cluster,
        owner,
        Object.assign({}, ...members.map(({ read }) => read.balancer.tags ?? {})) as Record<string, string>,
      ),
      loadBalancer: {
        name: one('load-balancer-name', (s) => s.name) ?? loadBalancerName(around.cluster, owner, variant),
        type: 'application',
        scheme,
        ipAddressType,
        subnets: subnets.map((id) => ({ id })),
        securityGroups: [...(own ?? []), ...(!own || manage === true ? [around.backendSecurityGroup] : [])],
        attributes: one('load-balancer-attributes', (s) => s.attributes) ?? {},
      },
      securityGroup: own
        ? undefined
        : {
            name: securityGroupName(around.cluster, owner),
            ingress: listeners.flatMap(({ port }) =>
              rangesOf(members, port, ipAddressType).map((cidr) => ({ protocol: 'tcp' as const, port, cidr })),
            ),
          },
      targetGroups: [...targetGroups.values()],
      listeners,
    },
  };
}

function readMember(ingress: Ingress, notices: Map<string, LoadBalancerNotice[]>): Member {
  const id = `${ingress.metadata?.namespace}/${ingress.metadata?.name}`;
  const mine: LoadBalancerNotice[] = [];
  notices.set(id, mine);
  const warn = (reason: string, message: string): void => {
    if (!mine.some((one) => one.message === message)) mine.push({ type: 'Warning', reason, message });
  };
  const read = readIngressAnnotations(ingress.metadata?.annotations ?? {});
  for (const { annotation, kind, message } of read.problems)
    warn(
      kind === 'unknown' ? 'UnknownAnnotation' : kind === 'refused' ? 'UnsupportedAnnotation' : 'InvalidAnnotation',
      `${annotation}: ${message}`,
    );
  const encrypted = (read.balancer.certificates?.length ?? 0) > 0 || (ingress.spec?.tls?.length ?? 0) > 0;
  const usual: ListenPort = encrypted ? { protocol: 'HTTPS', port: 443 } : { protocol: 'HTTP', port: 80 };
  return { id, ingress, read, ports: read.balancer.listenPorts ?? [usual], warn };
}

function byOrder(a: Member, b: Member): number {
  return (a.read.balancer.order ?? 0) - (b.read.balancer.order ?? 0) || (a.id < b.id ? -1 : 1);
}

/** What only one may say, or all alike. */
function exclusive<T>(
  members: readonly Member[],
  what: string,
  pick: (settings: BalancerSettings) => T | undefined,
): T | undefined {
  const said = members.flatMap(({ id, read }) => {
    const value = pick(read.balancer);
    return value === undefined ? [] : [{ id, value }];
  });
  const [first, ...others] = said;
  const other = others.find(({ value }) => JSON.stringify(value) !== JSON.stringify(first?.value));
  if (first && other)
    throw new LoadBalancerProblem(
      'ConflictingAnnotations',
      `${albPrefix}${what}: ${first.id} and ${other.id} share a load balancer and say different things; say it on one of them only`,
    );
  return first?.value;
}

function rangesOf(members: readonly Member[], port: number, ipAddressType: string): readonly string[] {
  const said = members
    .filter(({ ports }) => ports.some((one) => one.port === port))
    .flatMap(({ read }) => read.balancer.inboundCidrs ?? []);
  if (said.length > 0) return [...new Set(said)];
  return ipAddressType === 'dualstack' ? ['0.0.0.0/0', '::/0'] : ['0.0.0.0/0'];
}

interface Context {
  readonly input: ApplicationInput;
  readonly owner: StackOwner;
  readonly variant: readonly string[];
  readonly targetGroups: Map<string, DesiredTargetGroup>;
}

function listenersOf(
  members: readonly Member[],
  context: Context,
  { redirect, sslPolicy }: { readonly redirect: number | undefined; readonly sslPolicy: string },
): DesiredListener[] {
  const ports = new Map<number, ListenPort>();
  for (const { id, ports: mine } of members)
    for (const one of mine) {
      if ((ports.get(one.port) ?? one).protocol !== one.protocol)
        throw new LoadBalancerProblem(
          'ConflictingAnnotations',
          `${albPrefix}listen-ports: port ${one.port} is HTTP and HTTPS at once; see ${id}`,
        );
      ports.set(one.port, one);
    }
  if (redirect !== undefined && ports.get(redirect)?.protocol !== 'HTTPS')
    throw new LoadBalancerProblem(
      'InvalidLoadBalancer',
      `${albPrefix}ssl-redirect: there is no HTTPS listener on port ${redirect}; add it to ${albPrefix}listen-ports`,
    );
  return [...ports.values()].map(({ protocol, port }): DesiredListener => {
    const those = members.filter((member) => member.ports.some((one) => one.port === port));
    const secure = protocol === 'HTTPS';
    const base = {
      port,
      protocol,
      certificates: secure ? certificatesOf(those, context) : [],
      sslPolicy: secure ? sslPolicy : '',
      alpnPolicy: '',
    };
    if (redirect !== undefined && !secure) {
      const action: DesiredAction = {
        do: 'redirect',
        protocol: 'HTTPS',
        host: '#{host}',
        port: String(redirect),
        path: '/#{path}',
        query: '#{query}',
        permanent: true,
      };
      return { ...base, action, rules: [] };
    }
    const defaults = those.filter(({ ingress }) => ingress.spec?.defaultBackend);
    for (const { warn } of defaults.slice(1))
      warn(
        'DefaultBackendIgnored',
        `${defaults[0]?.id} of the same group has the default backend of port ${port} already`,
      );
    const [first] = defaults;
    const action = first ? actionOf(first.ingress.spec?.defaultBackend as IngressBackend, first, context) : notFound;
    return { ...base, action, rules: those.flatMap((member) => rulesOf(member, context)) };
  });
}

function certificatesOf(members: readonly Member[], { input }: Context): string[] {
  const arns = new Set(members.flatMap(({ read }) => read.balancer.certificates ?? []));
  for (const { ingress, read, warn } of members) {
    if (read.balancer.certificates) continue;
    const named = (ingress.spec?.tls ?? []).flatMap(({ hosts }) => hosts ?? []);
    const hosts = new Set([...named, ...(ingress.spec?.rules ?? []).flatMap(({ host }) => (host ? [host] : []))]);
    for (const host of hosts) {
      const arn = input.certificateFor(host);
      if (arn) arns.add(arn);
      else
        warn(
          'CertificateNotFound',
          `no issued certificate for ${host} is in Certificate Manager in this region: request or import one, or name one with ${albPrefix}certificate-arn`,
        );
    }
    if (hosts.size === 0)
      warn('CertificateNotFound', `HTTPS needs a host in spec.tls or in a rule, or ${albPrefix}certificate-arn`);
  }
  return [...arns];
}

function rulesOf(member: Member, context: Context): DesiredRule[] {
  const { routes, problems } = routesOf(member.ingress);
  for (const problem of problems) member.warn('InvalidPath', problem);
  return routes.map(({ host, patterns, backend }) => ({
    hosts: host === '' ? [] : [host],
    paths: patterns,
    action: actionOf(backend, member, context),
  }));
}

function actionOf(backend: IngressBackend, member: Member, context: Context): DesiredAction {
  const { service } = backend;
  if (!service) {
    member.warn('UnsupportedBackend', 'only Services can be backends');
    return unavailable('unsupported backend');
  }
  if (service.port?.name === 'use-annotation') {
    const json = member.read.actions.get(service.name);
    const parsed = json === undefined ? 'is missing' : parseAction(json);
    if (typeof parsed === 'string') {
      member.warn('InvalidAnnotation', `${albPrefix}actions.${service.name}: ${parsed}`);
      return unavailable('invalid action');
    }
    if (parsed.kind === 'action') return parsed.action;
    const groups = parsed.services.flatMap(({ name, port, weight }) => {
      const group = targetGroupOf(name, port, member, context);
      return group ? [{ name: group, weight }] : [];
    });
    return groups.length > 0 ? { do: 'forward', groups } : unavailable('no such Service');
  }
  const group = targetGroupOf(service.name, String(service.port?.name ?? service.port?.number ?? ''), member, context);
  return group ? { do: 'forward', groups: [{ name: group, weight: 1 }] } : unavailable('no such Service');
}

/** The name of the group for a Service's port, which it adds; undefined where the Service or the port is not there. */
function targetGroupOf(name: string, port: string, member: Member, context: Context): string | undefined {
  const { input, owner, variant, targetGroups } = context;
  const namespace = member.ingress.metadata?.namespace ?? '';
  const service = input.service(namespace, name);
  const found = service?.spec?.ports?.find((one) => (one.name ?? '') === port || String(one.port) === port);
  if (!service || !found || (found.protocol ?? 'TCP') !== 'TCP') {
    member.warn('BackendNotFound', service ? `Service ${name} has no TCP port ${port}` : `there is no Service ${name}`);
    return undefined;
  }
  if (service.spec?.sessionAffinity === 'ClientIP')
    member.warn(
      'AffinityIgnored',
      `Service ${name}: sessionAffinity is not to be had behind an Ingress; use ${albPrefix}target-group-attributes: stickiness.enabled=true,stickiness.type=lb_cookie`,
    );
  const settings = mergeBackend(
    readIngressAnnotations(service.metadata?.annotations ?? {}).backend,
    member.read.backend,
  );
  const { around } = input;
  const backend = `${namespace}/${name}`;
  const protocol = settings.protocol ?? 'HTTP';
  const protocolVersion = settings.protocolVersion ?? 'HTTP1';
  const groupName = targetGroupName(around.cluster, owner, backend, [
    ...variant,
    String(found.port),
    protocol,
    protocolVersion,
  ]);
  const made: DesiredTargetGroup = {
    name: groupName,
    protocol,
    protocolVersion,
    port: found.port,
    ipAddressType: 'ipv4',
    healthCheck: healthCheck(settings, protocol, protocolVersion),
    attributes: { 'deregistration_delay.timeout_seconds': String(defaultDrainSeconds), ...settings.attributes },
    tags: { [backendTag]: tagValue(backend) },
    targets: input.targets(service, found),
  };
  const before = targetGroups.get(groupName);
  if (!before) targetGroups.set(groupName, made);
  else if (
    JSON.stringify([before.healthCheck, before.attributes]) !== JSON.stringify([made.healthCheck, made.attributes])
  )
    member.warn(
      'SettingsIgnored',
      `Service ${name} port ${port} is behind this load balancer already, with other settings; put them on the Service`,
    );
  return groupName;
}

function healthCheck(settings: BackendSettings, protocol: string, version: string): DesiredTargetGroup['healthCheck'] {
  const interval = settings.checkIntervalSeconds ?? 15;
  return {
    protocol: settings.checkProtocol ?? protocol,
    port: settings.checkPort ?? 'traffic-port',
    path: settings.checkPath ?? (version === 'GRPC' ? '/AWS.ALB/healthcheck' : '/'),
    intervalSeconds: interval,
    timeoutSeconds: Math.min(settings.checkTimeoutSeconds ?? 5, interval),
    healthyThreshold: settings.checkHealthyThreshold ?? 2,
    unhealthyThreshold: settings.checkUnhealthyThreshold ?? 2,
    successCodes: settings.checkSuccessCodes ?? (version === 'GRPC' ? '12' : '200'),
  };
}
