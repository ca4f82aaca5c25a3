/** Keys of one's own, where settings ask for them. */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/** Encrypts table, queues and logs. Retained: without it the table that stays cannot be read. */
export function makeCustomerKey(scope: Construct, cluster: string): kms.Key {
  const key = new kms.Key(scope, 'Key', {
    description: `Table, queues and logs of the nodeless cluster ${cluster}`,
    alias: `nodeless-${cluster}`,
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const { region, account, partition } = Stack.of(scope);
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal(`logs.${region}.amazonaws.com`)],
      actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      resources: ['*'],
      conditions: {
        ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:log-group:*` },
      },
    }),
  );
  return key;
}

/** Signs ServiceAccount tokens. Retained: tokens that are out would otherwise be worth nothing after an accident. */
export function makeSigningKey(scope: Construct, cluster: string): kms.Key {
  return new kms.Key(scope, 'SigningKey', {
    description: `ServiceAccount tokens of the nodeless cluster ${cluster}`,
    keySpec: kms.KeySpec.RSA_2048,
    keyUsage: kms.KeyUsage.SIGN_VERIFY,
    removalPolicy: RemovalPolicy.RETAIN,
  });
}
