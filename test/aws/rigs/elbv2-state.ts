/** What the ELBv2 model keeps. ARNs look as AWS's do. */
export interface Tags extends Map<string, string> {}

export interface LoadBalancer {
  readonly arn: string;
  readonly name: string;
  readonly type: 'network' | 'application';
  readonly scheme: string;
  readonly createdAt: number;
  readonly vpcId: string;
  state: 'provisioning' | 'active' | 'failed';
  ipAddressType: string;
  subnets: { readonly id: string; readonly address?: string; readonly allocation?: string }[];
  securityGroups: string[];
  readonly attributes: Map<string, string>;
  readonly tags: Tags;
}

export interface Action {
  readonly Type: string;
  readonly TargetGroupArn?: string;
  readonly Order?: string;
  readonly ForwardConfig?: { readonly TargetGroups?: readonly { TargetGroupArn: string; Weight?: string }[] };
  readonly RedirectConfig?: Readonly<Record<string, string>>;
  readonly FixedResponseConfig?: Readonly<Record<string, string>>;
}

export interface Condition {
  readonly Field: string;
  readonly HostHeaderConfig?: { readonly Values?: readonly string[] };
  readonly PathPatternConfig?: { readonly Values?: readonly string[] };
  readonly Values?: readonly string[];
}

export interface Rule {
  readonly arn: string;
  readonly listenerArn: string;
  priority: number;
  conditions: readonly Condition[];
  actions: readonly Action[];
  readonly tags: Tags;
}

export interface Listener {
  readonly arn: string;
  readonly loadBalancerArn: string;
  port: number;
  protocol: string;
  sslPolicy: string | undefined;
  certificate: string | undefined;
  readonly moreCertificates: Set<string>;
  alpn: readonly string[];
  actions: readonly Action[];
  readonly tags: Tags;
}

export interface HealthCheck {
  HealthCheckProtocol: string;
  HealthCheckPort: string;
  HealthCheckPath?: string;
  HealthCheckIntervalSeconds: number;
  HealthCheckTimeoutSeconds: number;
  HealthyThresholdCount: number;
  UnhealthyThresholdCount: number;
  Matcher?: { HttpCode?: string; GrpcCode?: string };
}

export interface TargetGroup {
  readonly arn: string;
  readonly name: string;
  readonly createdAt: number;
  readonly protocol: string;
  readonly protocolVersion: string | undefined;
  readonly port: number;
  readonly vpcId: string;
  readonly targetType: string;
  readonly ipAddressType: string;
  check: HealthCheck;
  readonly attributes: Map<string, string>;
  readonly tags: Tags;
  /** By `<id>:<port>`. */
  readonly targets: Map<string, Target>;
}

export interface Target {
  readonly id: string;
  readonly port: number;
  readonly registeredAt: number;
  state: 'initial' | 'healthy' | 'unhealthy' | 'draining';
  /** Since when it drains. */
  drainingSince: number;
  /** Checks in a row of one outcome. */
  streak: number;
  passed: boolean | undefined;
  stop: () => void;
}

export interface State {
  readonly loadBalancers: Map<string, LoadBalancer>;
  readonly listeners: Map<string, Listener>;
  readonly rules: Map<string, Rule>;
  readonly targetGroups: Map<string, TargetGroup>;
}

/** ARNs of the target groups that actions lead to. */
export function groupsOf(actions: readonly Action[]): string[] {
  return actions.flatMap(({ TargetGroupArn, ForwardConfig }) => [
    ...(TargetGroupArn ? [TargetGroupArn] : []),
    ...(ForwardConfig?.TargetGroups ?? []).map((group) => group.TargetGroupArn),
  ]);
}

/** Whether a listener or rule of a load balancer leads to the group; which one. */
export function usersOf(state: State, targetGroupArn: string): LoadBalancer[] {
  const found = new Set<string>();
  for (const listener of state.listeners.values())
    if (groupsOf(listener.actions).includes(targetGroupArn)) found.add(listener.loadBalancerArn);
  for (const rule of state.rules.values())
    if (groupsOf(rule.actions).includes(targetGroupArn))
      found.add(state.listeners.get(rule.listenerArn)?.loadBalancerArn ?? '');
  return [...found].map((arn) => state.loadBalancers.get(arn)).filter((lb) => lb !== undefined);
}
