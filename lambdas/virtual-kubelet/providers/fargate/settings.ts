/** What the Fargate provider is told about its surroundings. */
export interface FargateSettings {
  /** Unique in the account and region. */
  readonly cluster: string;
  readonly region: string;
  /** ARN of the ECS cluster. */
  readonly ecsCluster: string;
  readonly subnets: readonly { readonly id: string; readonly zone: string }[];
  readonly securityGroups: readonly string[];
  readonly assignPublicIp: 'ENABLED' | 'DISABLED';
  readonly executionRole: string;
  /** Of pods whose ServiceAccount names none; '' = none. */
  readonly taskRole: string;
  readonly logGroup: string;
  readonly agentImage: string;
  /** URL of the virtual kubelet: where agents call. */
  readonly kubeletEndpoint: string;
  /** Architecture whose nodes bear no taint. */
  readonly defaultArchitecture: Architecture;
}

export type Architecture = 'amd64' | 'arm64';
export type CapacityType = 'on-demand' | 'spot';
