/** What AWS's refusals mean to the user: the cause and the remedy. */
import { LoadBalancerProblem } from '../load-balancer.ts';

interface Explanation {
  readonly reason: string;
  readonly remedy: string;
  readonly retryAfterMs?: number;
}

/** By the error's name, with or without `Exception` at its end. */
const explanations: Readonly<Record<string, Explanation>> = {
  TooManyLoadBalancers: {
    reason: 'LoadBalancerQuotaExceeded',
    remedy:
      'delete a load balancer that is not needed, or raise the quota "Network (or Application) Load Balancers per Region" in Service Quotas',
  },
  TooManyTargetGroups: {
    reason: 'TargetGroupQuotaExceeded',
    remedy: 'delete target groups that are not needed, or raise the quota "Target Groups per Region" in Service Quotas',
  },
  TooManyListeners: {
    reason: 'ListenerQuotaExceeded',
    remedy: 'spread the ports over several Services: a load balancer has at most 50 listeners',
  },
  TooManyRules: {
    reason: 'RuleQuotaExceeded',
    remedy: 'spread the paths over several Ingress groups, or raise the quota "Rules per Application Load Balancer"',
  },
  TooManyCertificates: {
    reason: 'CertificateQuotaExceeded',
    remedy: 'use fewer certificates, or one for several names',
  },
  TooManyTargets: {
    reason: 'TargetQuotaExceeded',
    remedy: 'scale down, or raise the quota "Targets per Target Group" in Service Quotas',
  },
  TooManyRegistrationsForTargetId: {
    reason: 'TargetQuotaExceeded',
    remedy: 'the same pods stand behind too many target groups; remove Services that are not needed',
  },
  TooManyTags: { reason: 'TooManyTags', remedy: 'remove some of the additional tags: 50 is the most' },
  TooManyUniqueTargetGroupsPerLoadBalancer: {
    reason: 'TargetGroupQuotaExceeded',
    remedy: 'spread the backends over several Ingress groups: a load balancer leads to at most 100 target groups',
  },
  SecurityGroupLimitExceeded: {
    reason: 'SecurityGroupQuotaExceeded',
    remedy: 'raise the quota "VPC security groups per Region", or name security groups of your own by annotation',
  },
  RulesPerSecurityGroupLimitExceeded: {
    reason: 'SecurityGroupQuotaExceeded',
    remedy: 'use fewer or wider source ranges, or raise the quota "Inbound rules per security group"',
  },
  CertificateNotFound: {
    reason: 'CertificateNotFound',
    remedy: 'create or import the certificate in this region and account, or correct its ARN',
  },
  UnsupportedCertificate: {
    reason: 'UnsupportedCertificate',
    remedy: 'use a certificate with an RSA 2048 to 4096 or an ECDSA key',
  },
  SSLPolicyNotFound: { reason: 'SSLPolicyNotFound', remedy: 'correct the name of the security policy' },
  SubnetNotFound: { reason: 'SubnetNotFound', remedy: 'name subnets that exist in the VPC of the cluster' },
  InvalidSubnet: {
    reason: 'SubnetUnusable',
    remedy:
      'a load balancer needs 8 free addresses in each of its subnets: free some, or name other subnets by annotation',
  },
  AvailabilityZoneNotSupported: { reason: 'SubnetUnusable', remedy: 'name subnets in other zones by annotation' },
  AllocationIdNotFound: { reason: 'AddressNotFound', remedy: 'correct the allocation ids of the elastic addresses' },
  InvalidSecurityGroup: { reason: 'SecurityGroupNotFound', remedy: 'name security groups of the VPC of the cluster' },
  'InvalidGroup.NotFound': {
    reason: 'SecurityGroupNotFound',
    remedy: 'name security groups of the VPC of the cluster',
  },
  DuplicateLoadBalancerName: {
    reason: 'LoadBalancerNameTaken',
    remedy: 'choose another name: a load balancer of this name exists and is not of this Service',
  },
  OperationNotPermitted: {
    reason: 'OperationNotPermitted',
    remedy: 'if it is protected from deletion, set the attribute deletion_protection.enabled=false',
  },
  InvalidScheme: { reason: 'InvalidLoadBalancer', remedy: 'an internet-facing load balancer needs public subnets' },
  InvalidConfigurationRequest: { reason: 'InvalidLoadBalancer', remedy: 'correct the annotations or the ports' },
  ValidationError: { reason: 'InvalidLoadBalancer', remedy: 'correct the annotations or the ports' },
  IncompatibleProtocols: { reason: 'InvalidLoadBalancer', remedy: 'correct the protocols of listeners and backends' },
  ALPNPolicyNotSupported: { reason: 'InvalidLoadBalancer', remedy: 'correct the ALPN policy' },
  ExpiredToken: { reason: 'CredentialsExpired', remedy: 'renew the credentials of the controller' },
  OptInRequired: { reason: 'AccountNotReady', remedy: 'the account is not subscribed to this service' },
  // Of throttling and the like nothing can be said that helps; it passes.
  Throttling: { reason: 'Throttled', remedy: 'it is tried again', retryAfterMs: 10_000 },
  RequestLimitExceeded: { reason: 'Throttled', remedy: 'it is tried again', retryAfterMs: 10_000 },
};

const denied = new Set(['AccessDenied', 'UnauthorizedOperation', 'AuthFailure']);

export const errorName = (error: unknown): string =>
  error instanceof Error ? error.name.replace(/Exception$/, '') : '';
export const isError = (error: unknown, ...names: readonly string[]): boolean => names.includes(errorName(error));

/** The problem behind an AWS error; undefined for one that says nothing to a user (tried again with back-off). */
export function explain(error: unknown): LoadBalancerProblem | undefined {
  if (error instanceof LoadBalancerProblem) return error;
  const name = errorName(error);
  const text = error instanceof Error ? error.message : String(error);
  if (denied.has(name)) {
    const action = /not authorized to perform: ([A-Za-z0-9-]+:[A-Za-z0-9]+)/.exec(text)?.[1];
    return new LoadBalancerProblem(
      'PermissionMissing',
      `${action ? `the controller may not call ${action}` : text}: allow it in the role of the controllers (or in a policy of the organization that forbids it)`,
      { cause: error },
    );
  }
  const found = Object.hasOwn(explanations, name) ? explanations[name] : undefined;
  if (!found) return undefined;
  return new LoadBalancerProblem(found.reason, `${text}: ${found.remedy}`, {
    cause: error,
    retryAfterMs: found.retryAfterMs,
  });
}
