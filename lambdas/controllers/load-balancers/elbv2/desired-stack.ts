/**
 * What should stand in AWS for one owner: a load balancer with everything that belongs to it. Made by pure functions
 * (network-model.ts, ingress/application-model.ts), brought about by stack-deployer.ts.
 */
export type OwnerKind = 'service' | 'ingress' | 'cluster-ip';

export interface StackOwner {
  readonly kind: OwnerKind;
  /** `<namespace>/<name>` of a Service or Ingress, or the name of an Ingress group. */
  readonly id: string;
  /** Of the Service or Ingress; '' for a group of several. */
  readonly uid: string;
}

export interface DesiredSubnet {
  readonly id: string;
  readonly privateAddress?: string;
  readonly ipv6Address?: string;
  readonly allocationId?: string;
}

export interface DesiredLoadBalancer {
  readonly name: string;
  readonly type: 'network' | 'application';
  readonly scheme: 'internal' | 'internet-facing';
  readonly ipAddressType: string;
  readonly subnets: readonly DesiredSubnet[];
  /** Beside the stack's own one. */
  readonly securityGroups: readonly string[];
  /** Those that are not named keep what they have. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface DesiredHealthCheck {
  readonly protocol: string;
  /** `traffic-port` or a number. */
  readonly port: string;
  /** '' where the protocol has none. */
  readonly path: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  /** HTTP codes, or gRPC codes for gRPC groups; '' = not asked. */
  readonly successCodes: string;
}

export interface DesiredTarget {
  readonly address: string;
  readonly port: number;
}

export interface DesiredTargetGroup {
  readonly name: string;
  readonly protocol: string;
  readonly protocolVersion: string | undefined;
  readonly port: number;
  readonly ipAddressType: 'ipv4' | 'ipv6';
  readonly healthCheck: DesiredHealthCheck;
  readonly attributes: Readonly<Record<string, string>>;
  /** Beside those of the stack. */
  readonly tags: Readonly<Record<string, string>>;
  readonly targets: readonly DesiredTarget[];
}

export type DesiredAction =
  | { readonly do: 'forward'; readonly groups: readonly { readonly name: string; readonly weight: number }[] }
  | {
      readonly do: 'redirect';
      readonly protocol: string;
      readonly host: string;
      readonly port: string;
      readonly path: string;
      readonly query: string;
      readonly permanent: boolean;
    }
  | { readonly do: 'respond'; readonly status: string; readonly contentType: string; readonly body: string };

/** Every field that is not empty has to match. */
export interface DesiredRule {
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
  readonly action: DesiredAction;
}

export interface DesiredListener {
  readonly port: number;
  readonly protocol: string;
  /** The first one is the default. None, for a protocol that needs one: the listener keeps those it has, and is not made. */
  readonly certificates: readonly string[];
  readonly sslPolicy: string;
  /** '' = none. */
  readonly alpnPolicy: string;
  readonly action: DesiredAction;
  /** In order; the first that matches wins. */
  readonly rules: readonly DesiredRule[];
}

export interface DesiredSecurityGroup {
  readonly name: string;
  readonly ingress: readonly SecurityRule[];
}

export interface SecurityRule {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly cidr: string;
}

export interface DesiredStack {
  readonly owner: StackOwner;
  /** On everything. */
  readonly tags: Readonly<Record<string, string>>;
  readonly loadBalancer: DesiredLoadBalancer;
  /** undefined = groups of the user's own. */
  readonly securityGroup: DesiredSecurityGroup | undefined;
  readonly targetGroups: readonly DesiredTargetGroup[];
  readonly listeners: readonly DesiredListener[];
}
