/** A Kubernetes cluster without servers, as one construct. */
import { Annotations, CfnOutput, type CustomResource, Fn, Stack, Tags } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { Api, withoutSlash } from './constructs/api.ts';
import { Delivery } from './constructs/delivery.ts';
import { Dns } from './constructs/dns.ts';
import { Hub } from './constructs/hub.ts';
import { makeCustomerKey, makeSigningKey } from './constructs/keys.ts';
import { Lifecycle, type Manifest } from './constructs/lifecycle.ts';
import { Monitoring } from './constructs/monitoring.ts';
import { type GivenNetwork, Network } from './constructs/network.ts';
import { findBundles, NodelessFunction } from './constructs/nodeless-function.ts';
import { Parameters } from './constructs/parameters.ts';
import { functionArn, parametersPath, type Parts, scheduleGroupName } from './constructs/places.ts';
import { Queues } from './constructs/queues.ts';
import { State } from './constructs/state.ts';
import { Workload } from './constructs/workload.ts';
import type { FunctionName, Variable } from './functions.ts';
import { type NodelessOptions, type NodelessSettings, resolveSettings } from './settings.ts';

export interface NodelessClusterProps extends NodelessOptions {
  /** A VPC that is there already; default: one of its own. */
  readonly given?: GivenNetwork;
  /** Folder of the functions' bundles; default: where `npm run bundle` or the package puts them. */
  readonly bundles?: string;
}

export class NodelessCluster extends Construct {
  readonly settings: NodelessSettings;
  /** URL of the Kubernetes API. */
  readonly endpoint: string;
  /** What tokens for the API are signed with: the name and something that no other cluster has. */
  readonly clusterId: string;
  readonly network: Network;
  readonly table: State['table'];
  readonly adminRole?: iam.Role;
  /** Endpoint, ClusterName, ClusterId, TableName, AdminRole. */
  readonly outputs: Readonly<Record<string, CfnOutput>>;
  private readonly parameters: Parameters;
  private readonly lifecycle: Lifecycle;

  /** Throws Error that lists every setting that cannot be. */
  constructor(scope: Construct, id: string, { given, bundles = findBundles(), ...options }: NodelessClusterProps = {}) {
    super(scope, id);
    const settings = resolveSettings(options);
    const { cluster } = settings;
    this.settings = settings;
    const stack = Stack.of(this);
    // A name may be used in another account; a token for that cluster must not be good here. The stack's id holds a UUID.
    this.clusterId = `${cluster}-${Fn.select(0, Fn.split('-', Fn.select(2, Fn.split('/', stack.stackId))))}`;

    const customerKey = settings.customerKey ? makeCustomerKey(this, cluster) : undefined;
    const signingKey = settings.signingKeyInKms ? makeSigningKey(this, cluster) : undefined;
    const state = new State(this, 'State', { settings, key: customerKey });
    const queues = new Queues(this, 'Queues', { cluster, key: customerKey });
    const network = new Network(this, 'Network', { settings, given });
    const workload = new Workload(this, 'Workload', { settings, key: customerKey });
    const dns = new Dns(this, 'Dns', { vpc: network.vpc, domain: settings.network.clusterDomain, cluster });
    const scheduleRole = this.makeScheduleRole(cluster);
    const parts: Parts = { settings, state, queues, workload, dns, network, scheduleRole, customerKey, signingKey };
    const values = this.environment(parts);

    const make = (name: FunctionName, constructId: string): lambda.Function =>
      new NodelessFunction(this, constructId, { name, parts, values, bundles }).function;
    const api = new Api(this, 'Api', { parts, values, bundles });
    const functions = {
      controllers: make('controllers', 'Controllers'),
      scheduler: make('scheduler', 'Scheduler'),
      'virtual-kubelet': make('virtual-kubelet', 'Kubelet'),
      'kubelet-door': make('kubelet-door', 'KubeletDoor'),
      dispatcher: make('dispatcher', 'Dispatcher'),
      later: make('later', 'Later'),
      timer: make('timer', 'Timer'),
    };
    const kubeletUrl = functions['kubelet-door'].addFunctionUrl({
      authType: 'NONE' as lambda.FunctionUrlAuthType,
      invokeMode: 'RESPONSE_STREAM' as lambda.InvokeMode,
    });
    const delivery = new Delivery(this, 'Delivery', { cluster, state, queues, workload, functions });
    this.endpoint = api.endpoint;
    this.parameters = new Parameters(this, 'Parameters', {
      cluster,
      clusterId: this.clusterId,
      endpoint: api.endpoint,
      kubeletEndpoint: withoutSlash(kubeletUrl.url),
      heldWatches: settings.heldWatches,
    });
    this.lifecycle = new Lifecycle(this, 'Lifecycle', {
      parts,
      values,
      bundles,
      everything: [state, queues, network, workload, dns, api, delivery, this.parameters, ...Object.values(functions)],
    });
    // The hub's service would start its task again while a drain stops it: the hub goes before.
    if (settings.hub.enabled) new Hub(this, 'Hub', { parts, values, bundles }).node.addDependency(this.lifecycle.drain);
    const { setupFunction, drainFunction } = this.lifecycle;
    new Monitoring(this, 'Monitoring', {
      settings,
      state,
      queues,
      functions: { ...functions, apiserver: api.function, setup: setupFunction, drain: drainFunction },
      killSwitch: drainFunction,
    });

    this.network = network;
    this.table = state.table;
    this.adminRole = this.grantAdmins();
    this.outputs = this.addOutputs(state.table.tableName);
    const tags = Tags.of(this);
    tags.add('nodeless.dev/cluster', cluster);
    for (const [name, value] of Object.entries(settings.tags)) tags.add(name, value);
  }

  /**
   * Lets an IAM role or user be a member of these groups, whatever its own policies: what groups may do is RBAC's to say
   * (`system:masters` everything, `view` by a ClusterRoleBinding). Its sessions' names become part of the user name.
   */
  grantAccess(principal: iam.IRole | iam.IUser | string, groups: string | readonly string[], username?: string): void {
    const principalArn =
      typeof principal === 'string' ? principal : 'roleArn' in principal ? principal.roleArn : principal.userArn;
    this.parameters.addAccess({
      principalArn,
      ...(username === undefined ? {} : { username }),
      groups: typeof groups === 'string' ? [groups] : groups,
    });
  }

  /** Objects that are applied when the stack is, and deleted when they are no longer in it. */
  addManifest(id: string, manifest: Manifest): CustomResource {
    return this.lifecycle.addManifest(this, id, manifest);
  }

  private makeScheduleRole(cluster: string): iam.Role {
    return new iam.Role(this, 'ScheduleRole', {
      description: `Schedules of the nodeless cluster ${cluster} invoke its timer`,
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      inlinePolicies: {
        timer: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({
              actions: ['lambda:InvokeFunction'],
              resources: [functionArn(this, cluster, 'timer')],
            }),
          ],
        }),
      },
    });
  }

  private environment({
    settings,
    state,
    queues,
    workload,
    dns,
    network,
    scheduleRole,
    signingKey,
  }: Parts): Partial<Record<Variable, string>> {
    const { cluster, pods } = settings;
    const json = (value: unknown): string => Stack.of(this).toJsonString(value);
    return {
      NODELESS_CLUSTER: cluster,
      NODELESS_TABLE: state.table.tableName,
      NODELESS_PARAMETERS: parametersPath(cluster),
      NODELESS_SERVICE_CIDR: settings.network.serviceCidr,
      NODELESS_QUEUE_CONTROLLERS: queues.controllers.queueUrl,
      NODELESS_QUEUE_SCHEDULER: queues.scheduler.queueUrl,
      NODELESS_QUEUE_KUBELET: queues.kubelet.queueUrl,
      NODELESS_QUEUE_LATER: queues.later.queueUrl,
      NODELESS_SCHEDULE_GROUP: scheduleGroupName(cluster),
      NODELESS_SCHEDULE_ROLE: scheduleRole.roleArn,
      NODELESS_TIMER_ARN: functionArn(this, cluster, 'timer'),
      NODELESS_ECS_CLUSTER: workload.cluster.attrArn,
      NODELESS_SUBNETS: json(
        network.taskSubnets.map((subnet) => ({ id: subnet.subnetId, zone: subnet.availabilityZone })),
      ),
      NODELESS_SECURITY_GROUPS: network.taskSecurityGroup.securityGroupId,
      NODELESS_ASSIGN_PUBLIC_IP: settings.network.egress === 'publicIp' ? 'ENABLED' : 'DISABLED',
      NODELESS_EXECUTION_ROLE: workload.executionRole.roleArn,
      NODELESS_TASK_ROLE: workload.taskRole.roleArn,
      NODELESS_LOG_GROUP: workload.logGroup.logGroupName,
      NODELESS_AGENT_IMAGE: pods.agentImage,
      NODELESS_ARCHITECTURE: pods.architecture,
      NODELESS_VPC: network.vpc.vpcId,
      NODELESS_LB_SUBNETS: json({
        public: network.publicSubnets.map((subnet) => subnet.subnetId),
        private: (network.privateSubnets.length > 0 ? network.privateSubnets : network.taskSubnets).map(
          (subnet) => subnet.subnetId,
        ),
        service: network.serviceSubnets,
      }),
      NODELESS_LB_SECURITY_GROUP: network.loadBalancerSecurityGroup.securityGroupId,
      NODELESS_HOSTED_ZONE: dns.zone.hostedZoneId,
      NODELESS_CLUSTER_DOMAIN: settings.network.clusterDomain,
      ...(signingKey ? { NODELESS_SIGNING_KEY: signingKey.keyArn } : {}),
    };
  }

  private grantAdmins(): iam.Role | undefined {
    const { cluster, admins, adminRole } = this.settings;
    for (const admin of admins) this.grantAccess(admin, 'system:masters');
    if (!adminRole) {
      if (admins.length === 0)
        Annotations.of(this).addWarningV2(
          'nodeless:no-admins',
          'nobody may use this cluster: name an IAM role or user in admins, or leave adminRole on',
        );
      return undefined;
    }
    const role = new iam.Role(this, 'AdminRole', {
      // Names of roles are the account's, not the region's.
      roleName: `nodeless-${cluster}-${Stack.of(this).region}-admin`,
      description: `Everything in the nodeless cluster ${cluster}; nothing in AWS`,
      // Whoever the account's own policies let assume it.
      assumedBy: new iam.AccountRootPrincipal(),
    });
    this.grantAccess(role, 'system:masters');
    return role;
  }

  /** For people; the command line reads the parameters, which are there in any stack. */
  private addOutputs(tableName: string): Record<string, CfnOutput> {
    const outputs: Record<string, CfnOutput> = {};
    const output = (name: string, description: string, value: string): void => {
      outputs[name] = new CfnOutput(this, `${name}Output`, { description, value });
    };
    output('Endpoint', 'URL of the Kubernetes API', this.endpoint);
    output('ClusterName', 'Name of the cluster', this.settings.cluster);
    output('ClusterId', 'What tokens for the API are signed with: --cluster-name of aws eks get-token', this.clusterId);
    output('TableName', 'The table that holds every object of the cluster', tableName);
    if (this.adminRole) output('AdminRole', 'Assume it to administer the cluster', this.adminRole.roleArn);
    return outputs;
  }
}
