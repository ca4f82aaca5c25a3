/**
 * The load balancer seam: what gives a Service of type LoadBalancer an address outside of the cluster. Implementations:
 * proxy (addresses of this machine), simulated (addresses without anything behind them), elbv2.
 *
 * `ensure` is idempotent and repeated at will, by the owner's UID. It first puts the new state in place and only then takes
 * away what is surplus. After a restart it is told what it had given out before (`previous`) and keeps to it where it can.
 */
import type { LoadBalancerIngress } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Target } from './service-endpoints.ts';

export interface LoadBalancerOwner {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface LoadBalancerPort {
  /** '' where the Service has one port only. */
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly port: number;
  readonly nodePort: number | undefined;
  /** Those that take traffic now; [] = connections are to be refused. */
  readonly targets: readonly Target[];
  /**
   * For providers that check targets themselves: the ready ones, and those that nothing but such a check keeps from being ready.
   * Never those that are going.
   */
  readonly candidates?: readonly Target[];
  /** Where the Service gives a number (or nothing: then its port); undefined for a name. */
  readonly targetPort?: number;
}

export interface LoadBalancerModel {
  readonly owner: LoadBalancerOwner;
  readonly ports: readonly LoadBalancerPort[];
  /** CIDRs that may connect; [] = everybody. */
  readonly sourceRanges: readonly string[];
  /** Seconds that a client keeps its target; undefined = no affinity. */
  readonly affinitySeconds: number | undefined;
  /** externalTrafficPolicy Local: pods are to see the clients' own addresses. */
  readonly keepsSource?: boolean;
  /** spec.loadBalancerIP; '' = any. */
  readonly requestedIp: string;
  /** What status shows. */
  readonly previous: readonly LoadBalancerIngress[];
  /** Where the Service's ports answered that could not be had on its address (`elsewhereAnnotation`); '' = none. */
  readonly previousElsewhere: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Something that the user should know; becomes an event of the Service. */
export interface LoadBalancerNotice {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface LoadBalancerState {
  /** For status.loadBalancer; [] = not yet (call again: `retryAfterMs`). */
  readonly ingress: readonly LoadBalancerIngress[];
  /** The value of `elsewhereAnnotation`; '' = every port answers on the address itself. */
  readonly elsewhere: string;
  /** Only what is new since the last call for this owner. */
  readonly notices: readonly LoadBalancerNotice[];
  readonly retryAfterMs?: number;
}

export interface LoadBalancerProvider {
  readonly name: string;
  /** The spec.loadBalancerClass it serves besides Services that name none. */
  readonly loadBalancerClass: string;
  /** Errors are shown to the user as the event SyncLoadBalancerFailed and tried again. */
  ensure(model: LoadBalancerModel): Promise<LoadBalancerState>;
  /** What is not there is success. Where it takes longer, says when to ask again; nothing = all is gone. */
  remove(owner: LoadBalancerOwner): Promise<void | { readonly retryAfterMs: number }>;
  /** Everything it holds, also for owners that have gone meanwhile; only that of one Service where that is asked. */
  list(of?: { readonly namespace: string; readonly name: string }): Promise<readonly LoadBalancerOwner[]>;
  /**
   * So often what it holds is compared with what should be, without any change in the cluster: for providers whose load
   * balancers others can change too. Absent = never.
   */
  readonly resyncMs?: number;
  /** Other values of spec.loadBalancerClass that it serves. */
  readonly alsoServes?: readonly string[];
}

/** Why a load balancer cannot be had, in words for the user; not worth trying again at once. */
export class LoadBalancerProblem extends Error {
  /** For an event: CamelCase. */
  readonly reason: string;
  readonly retryAfterMs: number;
  constructor(
    reason: string,
    message: string,
    options: { readonly retryAfterMs?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs ?? 60_000;
  }
}

/** Ports that answer elsewhere than on the Service's own address and port: `80=127.0.0.1:10080,53/udp=127.0.0.1:10053`. */
export const elsewhereAnnotation = 'nodeless.dev/load-balancer-elsewhere';
