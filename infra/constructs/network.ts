/** Where tasks and load balancers stand: a VPC of our own without NAT, or one that is given. */
import { Fn, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { halves, type NodelessSettings } from '../settings.ts';
import { acknowledge } from '../suppressions.ts';

/** Parts of a VPC that is given. */
export interface GivenNetwork {
  readonly vpc: ec2.IVpc;
  /** Where tasks run; default: public subnets with `egress: publicIp`, else those with a way out. */
  readonly taskSubnets?: ec2.SubnetSelection;
  /** Subnets that cover the service range; without them no Service can have a load balancer at its ClusterIP. */
  readonly serviceSubnets?: readonly { readonly subnet: ec2.ISubnet; readonly cidr: string }[];
}

export interface NetworkProps {
  readonly settings: NodelessSettings;
  readonly given?: GivenNetwork;
}

export interface ServiceSubnet {
  readonly id: string;
  readonly cidr: string;
}

export class Network extends Construct {
  readonly vpc: ec2.IVpc;
  readonly taskSubnets: readonly ec2.ISubnet[];
  readonly publicSubnets: readonly ec2.ISubnet[];
  readonly privateSubnets: readonly ec2.ISubnet[];
  readonly serviceSubnets: readonly ServiceSubnet[];
  readonly taskSecurityGroup: ec2.SecurityGroup;
  readonly loadBalancerSecurityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, { settings, given }: NetworkProps) {
    super(scope, id);
    const { egress } = settings.network;
    this.vpc = given?.vpc ?? this.makeVpc(settings);
    this.publicSubnets = this.vpc.publicSubnets;
    this.privateSubnets = this.vpc.privateSubnets.length > 0 ? this.vpc.privateSubnets : this.vpc.isolatedSubnets;
    const selection =
      given?.taskSubnets ??
      (egress === 'publicIp'
        ? { subnetType: ec2.SubnetType.PUBLIC }
        : { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS });
    this.taskSubnets = this.vpc.selectSubnets(selection).subnets;
    this.serviceSubnets = given
      ? (given.serviceSubnets ?? []).map(({ subnet, cidr }) => ({ id: subnet.subnetId, cidr }))
      : this.makeServiceSubnets(settings);

    this.taskSecurityGroup = new ec2.SecurityGroup(this, 'Tasks', {
      vpc: this.vpc,
      description: `Pods of the nodeless cluster ${settings.cluster}`,
      allowAllIpv6Outbound: true,
    });
    this.loadBalancerSecurityGroup = new ec2.SecurityGroup(this, 'LoadBalancers', {
      vpc: this.vpc,
      description: `Load balancers of the nodeless cluster ${settings.cluster}`,
      allowAllIpv6Outbound: true,
    });
    // Every pod can reach every pod; from elsewhere nothing comes in but through load balancers, whose rules a controller keeps.
    this.taskSecurityGroup.addIngressRule(this.taskSecurityGroup, ec2.Port.allTraffic(), 'pods to pods');
    this.taskSecurityGroup.addIngressRule(
      this.loadBalancerSecurityGroup,
      ec2.Port.allTraffic(),
      'load balancers to pods',
    );
    this.loadBalancerSecurityGroup.addIngressRule(this.taskSecurityGroup, ec2.Port.allTraffic(), 'pods to Services');
    for (const [group, name] of [
      [this.taskSecurityGroup, 'tasks'],
      [this.loadBalancerSecurityGroup, 'load-balancers'],
    ] as const)
      Tags.of(group).add('Name', `nodeless-${settings.cluster}-${name}`);
  }

  /**
   * The ranges of all four zones and of both kinds are set aside from the start: more zones, or another way out, take no
   * subnet's range away from it.
   */
  private makeVpc({ network, cluster }: NodelessSettings): ec2.Vpc {
    const { cidr, zones, egress, flowLogs } = network;
    const vpc = new ec2.Vpc(this, 'Vpc', {
      vpcName: `nodeless-${cluster}`,
      ipAddresses: ec2.IpAddresses.cidr(cidr),
      ipProtocol: ec2.IpProtocol.DUAL_STACK,
      availabilityZones: Array.from({ length: zones }, (_, index) => Fn.select(index, Fn.getAzs())),
      reservedAzs: 4 - zones,
      natGateways: egress === 'nat' ? 1 : 0,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [
        { name: 'public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 19, mapPublicIpOnLaunch: false },
        {
          name: 'private',
          subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS,
          cidrMask: 19,
          reserved: egress === 'publicIp',
        },
      ],
      gatewayEndpoints: {
        S3: { service: ec2.GatewayVpcEndpointAwsService.S3 },
        DynamoDB: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
    if (!flowLogs) acknowledge(vpc, 'VPC7', 'a setting: flow logs cost by the gigabyte');
    else vpc.addFlowLog('FlowLog', { maxAggregationInterval: ec2.FlowLogMaxAggregationInterval.TEN_MINUTES });
    return vpc;
  }

  /** Both halves of the service range, in the first two zones: fixed, so that no other setting moves them. */
  private makeServiceSubnets({ network, cluster }: NodelessSettings): ServiceSubnet[] {
    const range = new ec2.CfnVPCCidrBlock(this, 'ServiceRange', {
      vpcId: this.vpc.vpcId,
      cidrBlock: network.serviceCidr,
    });
    const table = new ec2.CfnRouteTable(this, 'ServiceRoutes', { vpcId: this.vpc.vpcId });
    Tags.of(table).add('Name', `nodeless-${cluster}-services`);
    return halves(network.serviceCidr).map((cidr, index) => {
      const subnet = new ec2.CfnSubnet(this, `Service${index + 1}`, {
        vpcId: this.vpc.vpcId,
        cidrBlock: cidr,
        availabilityZone: Fn.select(index, Fn.getAzs()),
      });
      subnet.addResourceDependency(range);
      Tags.of(subnet).add('Name', `nodeless-${cluster}-services-${index + 1}`);
      new ec2.CfnSubnetRouteTableAssociation(this, `Service${index + 1}Routes`, {
        subnetId: subnet.attrSubnetId,
        routeTableId: table.attrRouteTableId,
      });
      return { id: subnet.attrSubnetId, cidr };
    });
  }
}
