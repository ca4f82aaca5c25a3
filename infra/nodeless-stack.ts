/** The one stack of a cluster. */
import { Stack, type StackProps, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { NodelessCluster, type NodelessClusterProps } from './nodeless-cluster.ts';
import { defaultSettings, type NodelessOptions } from './settings.ts';

export interface NodelessStackProps extends StackProps, Omit<NodelessClusterProps, 'tags'> {
  readonly tags?: Record<string, string>;
}

export class NodelessStack extends Stack {
  readonly cluster: NodelessCluster;

  constructor(scope: Construct, id: string, props: NodelessStackProps = {}) {
    const { env, stackName, description, terminationProtection, synthesizer, tags, analyticsReporting, ...options } =
      props;
    const name = options.cluster ?? defaultSettings.cluster;
    super(scope, id, {
      env,
      stackName: stackName ?? `nodeless-${name}`,
      description: description ?? `nodeless: the Kubernetes cluster ${Token.isUnresolved(name) ? '' : name}`,
      terminationProtection,
      synthesizer,
      analyticsReporting,
    });
    // The next deploy reads what this one was asked for, so that nothing changes unasked.
    this.templateOptions.metadata = { nodeless: { options: { ...plain(options), ...(tags ? { tags } : {}) } } };
    this.cluster = new NodelessCluster(this, 'Cluster', { ...options, tags });
    for (const [name, output] of Object.entries(this.cluster.outputs)) output.overrideLogicalId(name);
  }
}

/** What can be said in JSON: a VPC of the app's own cannot, and such a stack is deployed by its app. */
function plain({ given: _given, bundles: _bundles, ...options }: NodelessClusterProps): NodelessOptions {
  return options;
}
