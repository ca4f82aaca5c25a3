/** What belongs to the cluster and not to a function: the functions could not know their own URL from CloudFormation without a cycle. */
import { Lazy, Stack } from 'aws-cdk-lib';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { parametersPath } from './places.ts';

/** Who an IAM principal is in the cluster. */
export interface AccessEntry {
  /** ARN of an IAM role or user; for a role, every session of it. */
  readonly principalArn: string;
  /** May hold {{SessionName}} and {{AccountID}}. Default: the ARN, of a role with the session's name. */
  readonly username?: string;
  readonly groups: readonly string[];
}

export interface ParametersProps {
  readonly cluster: string;
  readonly clusterId: string;
  readonly endpoint: string;
  readonly kubeletEndpoint: string;
  readonly heldWatches: number;
}

export class Parameters extends Construct {
  private readonly entries: AccessEntry[] = [];

  constructor(scope: Construct, id: string, props: ParametersProps) {
    super(scope, id);
    const { cluster, clusterId, endpoint, kubeletEndpoint, heldWatches } = props;
    const path = parametersPath(cluster);
    const parameter = (name: string, leaf: string, description: string, value: string): void => {
      new ssm.CfnParameter(this, name, { name: `${path}/${leaf}`, type: 'String', description, value });
    };
    parameter('ClusterId', 'cluster-id', 'What tokens for the Kubernetes API are signed with', clusterId);
    parameter('Endpoint', 'endpoint', 'URL of the Kubernetes API', endpoint);
    parameter(
      'KubeletEndpoint',
      'kubelet-endpoint',
      'URL of the virtual kubelet, for agents and logs',
      kubeletEndpoint,
    );
    parameter('StreamPlaces', 'stream-places', 'Watches and followed logs held at once', String(heldWatches));
    new ssm.CfnParameter(this, 'Access', {
      name: `${path}/access`,
      type: 'String',
      // More than 4 KB are 0.05 dollars a month.
      tier: 'Intelligent-Tiering',
      description: 'Which IAM principals are which users and groups of the cluster',
      value: Lazy.string({ produce: () => Stack.of(this).toJsonString(this.entries) }),
    });
  }

  addAccess(entry: AccessEntry): void {
    this.entries.push(entry);
  }
}
