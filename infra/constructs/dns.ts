/** Names of Services: one private zone, 0.50 dollars a month. */
import type { IVpc } from 'aws-cdk-lib/aws-ec2';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { Construct } from 'constructs';

export class Dns extends Construct {
  readonly zone: route53.PrivateHostedZone;

  constructor(scope: Construct, id: string, { vpc, domain, cluster }: { vpc: IVpc; domain: string; cluster: string }) {
    super(scope, id);
    this.zone = new route53.PrivateHostedZone(this, 'Zone', {
      zoneName: domain,
      vpc,
      comment: `Services of the nodeless cluster ${cluster}`,
    });
  }
}
