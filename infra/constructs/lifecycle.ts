/** What CloudFormation has functions do: setting up when the stack is made, applying manifests, draining before it goes. */
import { CustomResource, Duration, FileSystem, Stack } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct, type IConstruct } from 'constructs';
import { join } from 'node:path';
import { NodelessFunction, type NodelessFunctionProps } from './nodeless-function.ts';
import { functionName } from './places.ts';
import { workers } from '../functions.ts';

/** Objects as kubectl would be given them. */
export type Manifest = Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[];

export interface LifecycleProps extends Omit<NodelessFunctionProps, 'name'> {
  /** What there must be while something is removed, and so goes after it. */
  readonly everything: readonly IConstruct[];
}

export class Lifecycle extends Construct {
  readonly setupFunction: lambda.Function;
  private readonly setup: CustomResource;
  readonly drainFunction: lambda.Function;
  /** Removed before everything but what depends on it. */
  readonly drain: CustomResource;

  constructor(scope: Construct, id: string, { everything, ...props }: LifecycleProps) {
    super(scope, id);
    const { parts, bundles } = props;
    const { settings, network, state, workload, dns } = parts;
    const { cluster } = settings;
    this.setupFunction = new NodelessFunction(this, 'SetupFunction', { ...props, name: 'setup' }).function;
    this.setup = new CustomResource(this, 'Setup', {
      serviceToken: this.setupFunction.functionArn,
      resourceType: 'Custom::NodelessSetup',
      serviceTimeout: Duration.minutes(6),
      properties: {
        Cluster: cluster,
        ServiceCidr: settings.network.serviceCidr,
        // Another one was restored: that is told before anything uses it.
        Table: state.table.tableName,
        // A new version may hold new bootstrap objects.
        Version: FileSystem.fingerprint(join(bundles, 'setup')),
      },
    });

    this.drainFunction = new NodelessFunction(this, 'DrainFunction', { ...props, name: 'drain' }).function;
    this.drain = new CustomResource(this, 'Drain', {
      serviceToken: this.drainFunction.functionArn,
      resourceType: 'Custom::NodelessDrain',
      serviceTimeout: Duration.hours(1),
      properties: {
        Cluster: cluster,
        EcsCluster: workload.cluster.attrArn,
        HostedZone: dns.zone.hostedZoneId,
        SecurityGroups: [network.taskSecurityGroup.securityGroupId, network.loadBalancerSecurityGroup.securityGroupId],
        Functions: workers.map((name) => functionName(cluster, name)),
      },
    });
    // It depends on everything, so CloudFormation removes it before anything else.
    this.drain.node.addDependency(this.setup, this.setupFunction, this.drainFunction, ...everything);
  }

  /** Objects that are applied with the stack and deleted with their construct. */
  addManifest(scope: Construct, id: string, manifest: Manifest): CustomResource {
    const resource = new CustomResource(scope, id, {
      serviceToken: this.setupFunction.functionArn,
      resourceType: 'Custom::NodelessManifest',
      serviceTimeout: Duration.minutes(6),
      properties: { Manifest: Stack.of(scope).toJsonString(Array.isArray(manifest) ? manifest : [manifest]) },
    });
    resource.node.addDependency(this.setup);
    return resource;
  }
}
