/** The cluster's objects: one table and its stream. Everything else can be made again from it. */
import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { NodelessSettings } from '../settings.ts';

export class State extends Construct {
  readonly table: dynamodb.ITable;
  readonly streamArn: string;

  constructor(scope: Construct, id: string, { settings, key }: { settings: NodelessSettings; key?: IKey }) {
    super(scope, id);
    const { removal, pointInTimeRecovery, deletionProtection, existing } = settings.state;
    if (existing) {
      this.table = dynamodb.Table.fromTableAttributes(this, 'Table', {
        tableName: existing.tableName,
        tableStreamArn: existing.streamArn,
      });
    } else {
      // The name is CloudFormation's: a table that an earlier cluster left behind is not in the way of a new one.
      this.table = new dynamodb.Table(this, 'Table', {
        partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
        sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING },
        billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
        stream: dynamodb.StreamViewType.NEW_IMAGE,
        timeToLiveAttribute: 'x',
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: pointInTimeRecovery },
        deletionProtection,
        removalPolicy: removal === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
        ...(key
          ? { encryption: dynamodb.TableEncryption.CUSTOMER_MANAGED, encryptionKey: key }
          : { encryption: dynamodb.TableEncryption.DEFAULT }),
      });
    }
    this.streamArn = this.table.tableStreamArn as string;
  }
}
