import { DescribeNetworkInterfacesCommand, DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DescribeLoadBalancersCommand, ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas';
import type { Quota, QuotaName } from './cloud.ts';
import { explainAwsError } from './errors.ts';
import { quotaRules } from './quotas.ts';

export interface QuotaClientConfig {
  readonly region: string;
}

/** Never throws: what may not be asked is told as a problem of this quota only. */
export function createQuotaReader(config: QuotaClientConfig & object): (name: QuotaName) => Promise<Quota> {
  const quotas = new ServiceQuotasClient(config);
  const lambda = new LambdaClient(config);
  const elb = new ElasticLoadBalancingV2Client(config);
  const ec2 = new EC2Client(config);

  const limit = async (name: QuotaName): Promise<number | undefined> => {
    if (name === 'lambdaConcurrency') {
      const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}));
      return AccountLimit?.ConcurrentExecutions;
    }
    const { service: ServiceCode, code: QuotaCode } = quotaRules[name];
    try {
      return (await quotas.send(new GetServiceQuotaCommand({ ServiceCode, QuotaCode }))).Quota?.Value;
    } catch (error) {
      if ((error as Error).name !== 'NoSuchResourceException') throw error;
      // Never changed for this account: it has the default.
      return (await quotas.send(new GetAWSDefaultServiceQuotaCommand({ ServiceCode, QuotaCode }))).Quota?.Value;
    }
  };
  const used: Partial<Record<QuotaName, () => Promise<number>>> = {
    async networkLoadBalancers() {
      let count = 0;
      let Marker: string | undefined;
      do {
        const page = await elb.send(new DescribeLoadBalancersCommand({ Marker }));
        count += (page.LoadBalancers ?? []).filter(({ Type }) => Type === 'network').length;
        Marker = page.NextMarker;
      } while (Marker);
      return count;
    },
    async networkInterfaces() {
      let count = 0;
      let NextToken: string | undefined;
      do {
        const page = await ec2.send(new DescribeNetworkInterfacesCommand({ MaxResults: 1000, NextToken }));
        count += page.NetworkInterfaces?.length ?? 0;
        NextToken = page.NextToken;
      } while (NextToken);
      return count;
    },
    vpcs: async () => (await ec2.send(new DescribeVpcsCommand({}))).Vpcs?.length ?? 0,
  };

  return async (name) => {
    try {
      const [value, taken] = await Promise.all([limit(name), used[name]?.()]);
      return { ...(value === undefined ? {} : { limit: value }), ...(taken === undefined ? {} : { used: taken }) };
    } catch (error) {
      return { problem: explainAwsError(error, config)?.message ?? String(error) };
    }
  };
}
