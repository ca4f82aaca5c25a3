/**
 * What each function may do, and why: the roles are made from this list, and a test compares it with what the functions call.
 * `on` names places, whose ARNs constructs/places.ts knows; `any` only where IAM knows no narrower resource.
 */
import type { FunctionName } from './functions.ts';

export type Place =
  | 'table'
  | 'stream'
  | 'parameters'
  | 'service-account-key'
  | 'secret-values'
  | 'hub-parameters'
  | 'signing-key'
  | 'queue-controllers'
  | 'queue-scheduler'
  | 'queue-kubelet'
  | 'queue-later'
  | 'queue-dead'
  | 'schedules'
  | 'schedule-role'
  | 'timer'
  | 'ecs-cluster'
  | 'tasks'
  | 'task-definitions'
  | 'task-roles'
  | 'pod-logs'
  | 'pull-secrets'
  | 'load-balancers'
  | 'security-groups'
  | 'vpc'
  | 'hosted-zone'
  | 'functions'
  | 'drain'
  | 'file-systems'
  | 'load-balancing-role'
  | 'any';

export interface Grant {
  readonly actions: readonly string[];
  readonly on: readonly Place[];
  readonly why: string;
  /** `cluster-tag`: the resource carries this cluster's tag; `new-cluster-tag`: the request gives it one; `this-ecs-cluster`: in this cluster only. */
  readonly when?: readonly (
    | 'cluster-tag'
    | 'new-cluster-tag'
    | 'this-ecs-cluster'
    | 'passed-to-ecs'
    | 'passed-to-scheduler'
    | 'tags-a-new-resource'
    | 'tags-a-new-security-group'
    | 'tags-a-new-task'
    | 'for-load-balancing'
  )[];
  /** Only with the setting of this name. */
  readonly setting?: 'signingKeyInKms' | 'customerKey';
}

/** The store calls GetItem, BatchGetItem, Query, PutItem, UpdateItem and TransactWriteItems, which IAM knows by its parts. */
const store: Grant = {
  actions: [
    'dynamodb:GetItem',
    'dynamodb:BatchGetItem',
    'dynamodb:Query',
    'dynamodb:PutItem',
    'dynamodb:UpdateItem',
    'dynamodb:DeleteItem',
    'dynamodb:ConditionCheckItem',
  ],
  on: ['table'],
  why: 'the cluster store',
};
const readParameters: Grant = {
  actions: ['ssm:GetParametersByPath'],
  on: ['parameters'],
  why: 'cluster-id, endpoint, kubelet-endpoint, access and signing key',
};
const sign: Grant = {
  actions: ['kms:Sign', 'kms:GetPublicKey'],
  on: ['signing-key'],
  why: 'ServiceAccount tokens',
  setting: 'signingKeyInKms',
};
const waitLonger: readonly Grant[] = [
  { actions: ['sqs:SendMessage'], on: ['queue-later'], why: 'retries and requeues of up to 15 minutes' },
  {
    actions: ['scheduler:CreateSchedule', 'scheduler:DeleteSchedule'],
    on: ['schedules'],
    why: 'longer waits, and those that are over',
  },
  {
    actions: ['iam:PassRole'],
    on: ['schedule-role'],
    why: 'a schedule invokes the timer',
    when: ['passed-to-scheduler'],
  },
];
const work = (queue: Place): Grant => ({
  actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ChangeMessageVisibility'],
  on: [queue],
  why: 'the event source mapping reads with the role of the function',
});
const enqueue: Grant = {
  actions: ['sqs:SendMessage'],
  on: ['queue-controllers', 'queue-scheduler', 'queue-kubelet'],
  why: 'work',
};

/** Called by AWS itself with the role of the function, never by our code. */
export const calledByAws: readonly string[] = [
  'sqs:ReceiveMessage',
  'sqs:DeleteMessage',
  'sqs:GetQueueAttributes',
  'sqs:ChangeMessageVisibility',
  'dynamodb:DescribeStream',
  'dynamodb:GetRecords',
  'dynamodb:GetShardIterator',
  'dynamodb:ListStreams',
  'logs:CreateLogStream',
  'logs:PutLogEvents',
  'iam:CreateServiceLinkedRole',
];

const kubelet: readonly Grant[] = [
  store,
  readParameters,
  sign,
  ...waitLonger,
  { actions: ['ecs:RunTask'], on: ['task-definitions'], why: 'a pod is a task', when: ['this-ecs-cluster'] },
  {
    actions: ['ecs:StopTask', 'ecs:DescribeTasks'],
    on: ['tasks'],
    why: 'ends and state of pods',
    when: ['this-ecs-cluster'],
  },
  {
    actions: ['ecs:ListTasks'],
    on: ['any'],
    why: 'the sweep of tasks against pods; IAM narrows it by the cluster',
    when: ['this-ecs-cluster'],
  },
  {
    actions: ['ecs:TagResource'],
    on: ['tasks', 'task-definitions'],
    why: 'owner tags at creation',
    when: ['tags-a-new-task'],
  },
  { actions: ['ecs:TagResource'], on: ['tasks'], why: 'what was learned of a task', when: ['cluster-tag'] },
  {
    actions: ['ecs:RegisterTaskDefinition', 'ecs:DescribeTaskDefinition'],
    on: ['any'],
    why: 'task definitions addressed by content; IAM knows no resource for either',
  },
  {
    actions: ['iam:PassRole'],
    on: ['task-roles'],
    why: 'execution role, default task role and roles of ServiceAccounts',
    when: ['passed-to-ecs'],
  },
  { actions: ['logs:GetLogEvents'], on: ['pod-logs'], why: 'kubectl logs' },
  {
    actions: ['secretsmanager:CreateSecret', 'secretsmanager:TagResource'],
    on: ['pull-secrets'],
    why: 'imagePullSecrets, from which ECS pulls',
  },
  {
    actions: ['ssm:GetParameter', 'ssm:PutParameter', 'ssm:AddTagsToResource'],
    on: ['secret-values'],
    why: 'values of Secrets in environments, which ECS hands to containers',
  },
];

export const permissions: Readonly<Record<FunctionName, readonly Grant[]>> = {
  apiserver: [store, readParameters, sign],
  setup: [
    store,
    { actions: ['dynamodb:DescribeTable'], on: ['table'], why: 'whether the table was restored, and began a new life' },
    readParameters,
    {
      actions: ['ssm:PutParameter', 'ssm:AddTagsToResource'],
      on: ['service-account-key'],
      why: 'makes the signing key once',
    },
  ],
  controllers: [
    store,
    readParameters,
    work('queue-controllers'),
    ...waitLonger,
    {
      actions: [
        'elasticloadbalancing:DescribeLoadBalancers',
        'elasticloadbalancing:DescribeTargetGroups',
        'elasticloadbalancing:DescribeListeners',
        'elasticloadbalancing:DescribeRules',
        'elasticloadbalancing:DescribeTargetHealth',
        'elasticloadbalancing:DescribeTags',
        'elasticloadbalancing:DescribeLoadBalancerAttributes',
        'elasticloadbalancing:DescribeTargetGroupAttributes',
        'elasticloadbalancing:DescribeListenerCertificates',
      ],
      on: ['any'],
      why: 'what there is; IAM knows no resource for reads',
    },
    {
      actions: [
        'elasticloadbalancing:CreateLoadBalancer',
        'elasticloadbalancing:CreateTargetGroup',
        'elasticloadbalancing:CreateListener',
        'elasticloadbalancing:CreateRule',
      ],
      on: ['load-balancers'],
      why: 'Services and Ingresses',
      when: ['new-cluster-tag'],
    },
    {
      actions: ['elasticloadbalancing:AddTags'],
      on: ['load-balancers'],
      why: 'owner tags',
      when: ['tags-a-new-resource'],
    },
    {
      actions: ['elasticloadbalancing:AddTags'],
      on: ['load-balancers'],
      why: 'tags that changed',
      when: ['cluster-tag'],
    },
    {
      actions: [
        'elasticloadbalancing:DeleteLoadBalancer',
        'elasticloadbalancing:DeleteTargetGroup',
        'elasticloadbalancing:DeleteListener',
        'elasticloadbalancing:DeleteRule',
        'elasticloadbalancing:ModifyLoadBalancerAttributes',
        'elasticloadbalancing:ModifyTargetGroup',
        'elasticloadbalancing:ModifyTargetGroupAttributes',
        'elasticloadbalancing:ModifyListener',
        'elasticloadbalancing:ModifyRule',
        'elasticloadbalancing:SetRulePriorities',
        'elasticloadbalancing:SetSecurityGroups',
        'elasticloadbalancing:SetSubnets',
        'elasticloadbalancing:SetIpAddressType',
        'elasticloadbalancing:AddListenerCertificates',
        'elasticloadbalancing:RemoveListenerCertificates',
        'elasticloadbalancing:RegisterTargets',
        'elasticloadbalancing:DeregisterTargets',
      ],
      on: ['load-balancers'],
      why: 'changes to what carries the tag of this cluster',
      when: ['cluster-tag'],
    },
    {
      actions: ['ec2:DescribeSecurityGroups', 'ec2:DescribeVpcs'],
      on: ['any'],
      why: 'rules and ranges; IAM knows no resource for reads',
    },
    {
      actions: ['ec2:AuthorizeSecurityGroupIngress', 'ec2:RevokeSecurityGroupIngress', 'ec2:DeleteSecurityGroup'],
      on: ['security-groups'],
      why: 'what load balancers let in, and what tasks take from them',
      when: ['cluster-tag'],
    },
    {
      actions: ['ec2:CreateSecurityGroup'],
      on: ['security-groups'],
      why: 'a group for each load balancer with rules of its own',
      when: ['new-cluster-tag'],
    },
    { actions: ['ec2:CreateSecurityGroup'], on: ['vpc'], why: 'in the VPC of the cluster' },
    {
      actions: ['ec2:CreateTags'],
      on: ['security-groups'],
      why: 'owner tags of a new group',
      when: ['tags-a-new-security-group'],
    },
    {
      actions: ['route53:ChangeResourceRecordSets', 'route53:ListResourceRecordSets'],
      on: ['hosted-zone'],
      why: 'names of Services',
    },
    {
      actions: ['acm:ListCertificates'],
      on: ['any'],
      why: 'certificates for Ingress hosts; IAM knows no resource for it',
    },
    {
      actions: ['iam:CreateServiceLinkedRole'],
      on: ['load-balancing-role'],
      why: 'the first load balancer of an account makes the role that AWS works it with',
      when: ['for-load-balancing'],
    },
  ],
  scheduler: [store, work('queue-scheduler'), ...waitLonger],
  'virtual-kubelet': [...kubelet, work('queue-kubelet')],
  'kubelet-door': [...kubelet],
  dispatcher: [
    store,
    enqueue,
    {
      actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
      on: ['stream'],
      why: 'the event source mapping reads with the role of the function',
    },
    {
      actions: ['dynamodb:ListStreams'],
      on: ['any'],
      why: 'asked for by the event source mapping; IAM knows no resource for it',
    },
    { actions: ['sqs:SendMessage'], on: ['queue-dead'], why: 'records that failed to the end' },
  ],
  later: [work('queue-later'), enqueue],
  timer: [enqueue],
  drain: [
    {
      actions: ['lambda:PutFunctionConcurrency'],
      on: ['functions'],
      why: 'nothing may make anew what is being removed',
    },
    {
      actions: ['lambda:InvokeFunction'],
      on: ['drain'],
      why: 'a drain that takes longer than a function may run goes on in its next invocation',
    },
    {
      actions: ['ecs:ListTasks'],
      on: ['any'],
      why: 'tasks of this cluster; IAM narrows it by the cluster',
      when: ['this-ecs-cluster'],
    },
    { actions: ['ecs:StopTask', 'ecs:DescribeTasks'], on: ['tasks'], why: 'ends pods', when: ['this-ecs-cluster'] },
    {
      actions: [
        'ecs:ListTaskDefinitionFamilies',
        'ecs:ListTaskDefinitions',
        'ecs:DeregisterTaskDefinition',
        'ecs:DescribeTaskDefinition',
      ],
      on: ['any'],
      why: 'removes task definitions; IAM knows no resource for most of these',
    },
    { actions: ['ecs:DeleteTaskDefinitions'], on: ['task-definitions'], why: 'removes task definitions' },
    {
      actions: [
        'elasticloadbalancing:DescribeLoadBalancers',
        'elasticloadbalancing:DescribeTargetGroups',
        'elasticloadbalancing:DescribeTags',
      ],
      on: ['any'],
      why: 'finds what carries the tag; IAM knows no resource for reads',
    },
    {
      actions: [
        'elasticloadbalancing:DeleteLoadBalancer',
        'elasticloadbalancing:DeleteTargetGroup',
        'elasticloadbalancing:ModifyLoadBalancerAttributes',
      ],
      on: ['load-balancers'],
      why: 'removes them, protected ones too',
      when: ['cluster-tag'],
    },
    {
      actions: ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSecurityGroups'],
      on: ['any'],
      why: 'what still holds the network; IAM knows no resource for reads',
    },
    {
      actions: ['ec2:DeleteSecurityGroup'],
      on: ['security-groups'],
      why: 'groups that a controller made',
      when: ['cluster-tag'],
    },
    {
      actions: ['route53:ListResourceRecordSets', 'route53:ChangeResourceRecordSets'],
      on: ['hosted-zone'],
      why: 'a zone with records cannot be removed',
    },
    {
      actions: ['secretsmanager:ListSecrets'],
      on: ['any'],
      why: 'finds what carries the tag; IAM knows no resource for it',
    },
    { actions: ['secretsmanager:DeleteSecret'], on: ['pull-secrets'], why: 'imagePullSecrets' },
    { actions: ['ssm:GetParametersByPath'], on: ['parameters'], why: 'which values of Secrets are left' },
    {
      actions: ['ssm:DeleteParameters'],
      on: ['service-account-key', 'secret-values', 'hub-parameters'],
      why: 'made by functions, not by the stack',
    },
  ],
};
