/** The construct in someone else's app. */
import { App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { NodelessCluster, type NodelessClusterProps } from '../../infra/nodeless-cluster.ts';
import { standInBundles, temporaryFolder } from './synthesise.ts';

const bundles = standInBundles();

/** Without the flags of our cdk.json: other apps have their own. */
function ownApp(
  build: (stack: Stack) => Partial<NodelessClusterProps> | void,
  then?: (cluster: NodelessCluster, stack: Stack) => void,
): Template {
  const stack = new Stack(new App({ outdir: temporaryFolder() }), 'Theirs', {
    env: { account: '123456789012', region: 'eu-central-1' },
  });
  const cluster = new NodelessCluster(stack, 'Kubernetes', { bundles, ...build(stack) });
  then?.(cluster, stack);
  return Template.fromStack(stack);
}

const access = (template: Template): unknown[] => {
  const [parameter] = Object.values(
    template.findResources('AWS::SSM::Parameter', { Properties: { Name: Match.stringLikeRegexp('/access$') } }),
  );
  const value = (parameter as { Properties: { Value: unknown } }).Properties.Value;
  // References become what stands for them.
  const text =
    typeof value === 'string'
      ? value
      : (value as { 'Fn::Join': [string, unknown[]] })['Fn::Join'][1]
          .map((part) => (typeof part === 'string' ? part : 'REF'))
          .join('');
  return JSON.parse(text) as unknown[];
};

describe('NodelessCluster in an app of its own', () => {
  it('takes a VPC that is there', () => {
    const template = ownApp((stack) => ({
      given: { vpc: new ec2.Vpc(stack, 'Net', { maxAzs: 2, natGateways: 1 }) },
      network: { egress: 'nat' },
    }));
    template.resourceCountIs('AWS::EC2::VPC', 1);
    template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'nodeless-main-virtual-kubelet',
      Environment: {
        Variables: Match.objectLike({
          NODELESS_ASSIGN_PUBLIC_IP: 'DISABLED',
          NODELESS_SUBNETS: Match.objectLike({ 'Fn::Join': Match.anyValue() }),
        }),
      },
    });
    template.resourceCountIs('AWS::EC2::VPCCidrBlock', 0);
  });

  it('takes a VPC that is known by its ids only', () => {
    const template = ownApp((stack) => ({
      given: {
        vpc: ec2.Vpc.fromVpcAttributes(stack, 'Net', {
          vpcId: 'vpc-1',
          availabilityZones: ['eu-central-1a', 'eu-central-1b'],
          publicSubnetIds: ['subnet-1', 'subnet-2'],
        }),
        serviceSubnets: [{ subnet: ec2.Subnet.fromSubnetId(stack, 'S', 'subnet-9'), cidr: '10.96.0.0/16' }],
      },
    }));
    template.resourceCountIs('AWS::EC2::VPC', 0);
    template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'nodeless-main-controllers',
      Environment: {
        Variables: Match.objectLike({
          NODELESS_VPC: 'vpc-1',
          NODELESS_LB_SUBNETS: JSON.stringify({
            public: ['subnet-1', 'subnet-2'],
            private: ['subnet-1', 'subnet-2'],
            service: [{ id: 'subnet-9', cidr: '10.96.0.0/16' }],
          }),
        }),
      },
    });
  });

  it('grants access to roles and users of the app, and to ARNs', () => {
    const template = ownApp(
      () => ({ admins: ['arn:aws:iam::123456789012:role/ops'], adminRole: false }),
      (cluster, stack) => {
        cluster.grantAccess(new iam.Role(stack, 'Ci', { assumedBy: new iam.AccountRootPrincipal() }), 'deployers');
        cluster.grantAccess(new iam.User(stack, 'Ann'), ['viewers', 'testers'], 'ann');
        cluster.grantAccess('arn:aws:iam::210987654321:role/elsewhere', 'viewers');
      },
    );
    expect(access(template)).toEqual([
      { principalArn: 'arn:aws:iam::123456789012:role/ops', groups: ['system:masters'] },
      { principalArn: 'REF', groups: ['deployers'] },
      { principalArn: 'REF', username: 'ann', groups: ['viewers', 'testers'] },
      { principalArn: 'arn:aws:iam::210987654321:role/elsewhere', groups: ['viewers'] },
    ]);
  });

  it('has a role of administrators unless it is not wanted', () => {
    expect(access(ownApp(() => {}))).toEqual([{ principalArn: 'REF', groups: ['system:masters'] }]);
    expect(access(ownApp(() => ({ adminRole: false })))).toEqual([]);
  });

  it('applies manifests after it is set up', () => {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web' } };
    let endpoint = '';
    const template = ownApp(
      () => {},
      (cluster) => {
        cluster.addManifest('Web', namespace);
        cluster.addManifest('More', [namespace, { ...namespace, metadata: { name: cluster.clusterId } }]);
        endpoint = cluster.endpoint;
      },
    );
    template.hasResource('Custom::NodelessManifest', {
      Properties: Match.objectLike({
        Manifest: JSON.stringify([namespace]),
        ServiceToken: { 'Fn::GetAtt': [Match.stringLikeRegexp('SetupFunction'), 'Arn'] },
      }),
      DependsOn: Match.arrayWith([Match.stringLikeRegexp('LifecycleSetup')]),
    });
    template.resourceCountIs('Custom::NodelessManifest', 2);
    expect(endpoint).toMatch(/^https:\/\//);
  });

  it('stands beside another one', () => {
    const template = ownApp(
      () => ({ cluster: 'blue' }),
      (_, stack) =>
        new NodelessCluster(stack, 'Green', { bundles, cluster: 'green', network: { clusterDomain: 'green.local' } }),
    );
    template.resourceCountIs('AWS::DynamoDB::Table', 2);
    template.resourceCountIs('Custom::NodelessDrain', 2);
  });
});
