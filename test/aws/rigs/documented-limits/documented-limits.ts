import { dynamodbLimits } from './dynamodb.ts';
import { ec2Limits } from './ec2.ts';
import { ecsLimits } from './ecs.ts';
import { elbv2Limits } from './elbv2.ts';
import { route53Limits } from './route53.ts';
import type { Input, LimitRules } from './rules.ts';
import { schedulerLimits } from './scheduler.ts';
import { sqsLimits } from './sqs.ts';
import { ssmLimits } from './ssm.ts';

const rules: LimitRules = {
  ...dynamodbLimits,
  ...ec2Limits,
  ...ecsLimits,
  ...elbv2Limits,
  ...route53Limits,
  ...schedulerLimits,
  ...sqsLimits,
  ...ssmLimits,
};

/** What is wrong with a request by the documentation alone. `operation`: `sqs:SendMessage`. */
export function documentedLimits(operation: string, input: Input): readonly string[] {
  return Object.hasOwn(rules, operation) ? rules[operation]!(input) : [];
}
