/** What an account must allow before a cluster is of use, as findings with their remedies. */
import type { Cloud, Quota, QuotaName } from './cloud.ts';

export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'problem';
  readonly message: string;
}

interface QuotaRule {
  readonly check: string;
  /** For `aws service-quotas request-service-quota-increase`. */
  readonly service: string;
  readonly code: string;
  readonly unit: string;
  /** Below: a cluster works, but not far. Compared with what is free. */
  readonly wish: number;
  /** Below: there is no use in beginning. */
  readonly need: number;
  /** What it limits. */
  readonly means: (free: number) => string;
  /** Only something that is made newly takes from it. */
  readonly onlyFirst?: boolean;
}

/** Codes as Service Quotas knows them. */
export const quotaRules: Readonly<Record<QuotaName, QuotaRule>> = {
  fargateVcpu: {
    check: 'Fargate vCPUs',
    service: 'fargate',
    code: 'L-3032A538',
    unit: 'vCPUs',
    wish: 16,
    need: 1,
    means: (free) => `${Math.floor(free * 4)} pods of a quarter vCPU at once`,
  },
  fargateSpotVcpu: {
    check: 'Fargate Spot vCPUs',
    service: 'fargate',
    code: 'L-36FBB829',
    unit: 'vCPUs',
    wish: 1,
    need: 0,
    means: (free) => `${Math.floor(free * 4)} pods of a quarter vCPU at once on Spot`,
  },
  lambdaConcurrency: {
    check: 'Lambda concurrency',
    service: 'lambda',
    code: 'L-B99A9384',
    unit: 'executions at once',
    wish: 100,
    need: 10,
    means: (free) => `requests, held watches (at most ${Math.floor(free / 4)}) and work at once`,
  },
  networkLoadBalancers: {
    check: 'Network Load Balancers',
    service: 'elasticloadbalancing',
    code: 'L-69A177A2',
    unit: 'load balancers',
    wish: 5,
    need: 0,
    means: (free) => `${free} more Services of type LoadBalancer`,
  },
  networkInterfaces: {
    check: 'Network interfaces',
    service: 'vpc',
    code: 'L-DF5E4CA3',
    unit: 'interfaces',
    wish: 100,
    need: 1,
    means: (free) => `${free} more pods`,
  },
  vpcs: {
    check: 'VPCs',
    service: 'vpc',
    code: 'L-F678F1CE',
    unit: 'VPCs',
    wish: 1,
    need: 1,
    means: () => 'a cluster with a network of its own',
    onlyFirst: true,
  },
};

/** One finding a quota. `existing`: the cluster is there already. */
export async function checkQuotas(cloud: Cloud, existing: boolean): Promise<Finding[]> {
  const rules = (Object.entries(quotaRules) as [QuotaName, QuotaRule][]).filter(
    ([, { onlyFirst }]) => !(existing && onlyFirst),
  );
  return await Promise.all(rules.map(async ([name, rule]) => judgeQuota(rule, await cloud.quota(name), cloud.region)));
}

export function judgeQuota(rule: QuotaRule, { limit, used, problem }: Quota, region: string): Finding {
  const { check, unit, wish, need, means } = rule;
  if (limit === undefined)
    return { check, status: 'warning', message: `could not be told${problem ? `: ${problem}` : ''}` };
  const free = Math.max(0, limit - (used ?? 0));
  const taken = used === undefined ? '' : `, ${used} taken`;
  const has = `${limit} ${unit}${taken} in ${region}: ${means(free)}`;
  if (free >= wish) return { check, status: 'ok', message: has };
  const more = Math.max(limit * 2, Math.ceil((used ?? 0) + wish * 4));
  const remedy = `aws service-quotas request-service-quota-increase --service-code ${rule.service} --quota-code ${rule.code} --desired-value ${more} --region ${region}`;
  return { check, status: free < need ? 'problem' : 'warning', message: `${has}. More: ${remedy}` };
}
