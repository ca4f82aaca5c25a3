import { operationModel, serviceModel } from './rigs/service-models.ts';

/** Prefixes of IAM's actions where they are not botocore's name of the service. */
const prefixes: Readonly<Record<string, string>> = {
  dynamodbstreams: 'dynamodb',
  efs: 'elasticfilesystem',
  elbv2: 'elasticloadbalancing',
  resourcegroupstaggingapi: 'tag',
  'service-quotas': 'servicequotas',
};

/** Operations that IAM asks for under another name, or under none (Service Authorization Reference). */
const renamed: Readonly<Record<string, readonly string[]>> = {
  'dynamodb:TransactGetItems': ['dynamodb:GetItem'],
  'lambda:Invoke': ['lambda:InvokeFunction'],
  'lambda:InvokeWithResponseStream': ['lambda:InvokeFunction'],
  's3:HeadObject': ['s3:GetObject'],
  's3:ListObjectsV2': ['s3:ListBucket'],
  'sqs:ChangeMessageVisibilityBatch': ['sqs:ChangeMessageVisibility'],
  'sqs:DeleteMessageBatch': ['sqs:DeleteMessage'],
  'sqs:SendMessageBatch': ['sqs:SendMessage'],
  'sts:GetCallerIdentity': [],
};

/** A transaction is allowed by what is in it. */
export const transactionActions: Readonly<Record<string, string>> = {
  Put: 'dynamodb:PutItem',
  Update: 'dynamodb:UpdateItem',
  Delete: 'dynamodb:DeleteItem',
  ConditionCheck: 'dynamodb:ConditionCheckItem',
};

/** What else is asked for when an operation is given tags or a role, as all of ours are. */
const implied: Readonly<Record<string, readonly string[]>> = {
  'ecs:RegisterTaskDefinition': ['ecs:TagResource', 'iam:PassRole'],
  'ecs:RunTask': ['ecs:TagResource', 'iam:PassRole'],
  'ec2:CreateSecurityGroup': ['ec2:CreateTags'],
  'elasticloadbalancing:CreateLoadBalancer': ['elasticloadbalancing:AddTags'],
  'elasticloadbalancing:CreateListener': ['elasticloadbalancing:AddTags'],
  'elasticloadbalancing:CreateRule': ['elasticloadbalancing:AddTags'],
  'elasticloadbalancing:CreateTargetGroup': ['elasticloadbalancing:AddTags'],
  'scheduler:CreateSchedule': ['iam:PassRole'],
  'scheduler:UpdateSchedule': ['iam:PassRole'],
  'secretsmanager:CreateSecret': ['secretsmanager:TagResource'],
  'ssm:PutParameter': ['ssm:AddTagsToResource'],
};

/** The actions that IAM asks for when this operation is sent. `transaction`: what is in transactions: Put, Delete, … */
export function actionsOf(service: string, operation: string, transaction: readonly string[] = []): readonly string[] {
  const { service: name } = serviceModel(service);
  operationModel(service, operation);
  if (`${name}:${operation}` === 'dynamodb:TransactWriteItems')
    return transaction.map((part) => transactionActions[part]!);
  const action = `${prefixes[name] ?? name}:${operation}`;
  const own = renamed[`${name}:${operation}`] ?? [action];
  return [...own, ...own.flatMap((one) => implied[one] ?? [])];
}
