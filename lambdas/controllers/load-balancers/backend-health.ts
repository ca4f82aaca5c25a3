/** How the pods of a Service stand with the load balancers in front of it. */

/** One target group that a load balancer really uses. */
export interface BackendGroup {
  /** Its checks say something about its targets: not so for UDP without a port to check. */
  readonly checked: boolean;
  /** By address; the worst where a pod has several ports. Those that nothing is sent to are left out. */
  readonly targets: ReadonlyMap<string, TargetState>;
}

export type TargetHealth = 'initial' | 'healthy' | 'unhealthy' | 'draining';

export interface TargetState {
  readonly health: TargetHealth;
  /** AWS's reason and description: `Target.FailedHealthChecks`. */
  readonly reason: string;
  readonly message: string;
}

export interface BackendHealth {
  /** [] = no load balancer sends anything to the pods of this Service. */
  of(namespace: string, service: string): Promise<readonly BackendGroup[]>;
}
