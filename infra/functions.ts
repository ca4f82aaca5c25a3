/** The functions as data: what code they run, with what, and what their environment tells them. */

/** Folders under dist/functions, one bundle each. */
export type Bundle =
  | 'apiserver'
  | 'setup'
  | 'controllers'
  | 'scheduler'
  | 'virtual-kubelet'
  | 'dispatcher'
  | 'later'
  | 'timer'
  | 'drain';

/** `kubelet-door` runs the bundle of the virtual kubelet behind its URL: there a request may last 15 minutes, at the queue 90 seconds. */
export type FunctionName = Bundle | 'kubelet-door';

/** Variables and what stands in them: packages/component-base/function-settings.ts and `setting()` in the handlers. */
export const variables = {
  NODELESS_CLUSTER: 'name of the cluster',
  NODELESS_TABLE: 'name of the table of the store',
  NODELESS_PARAMETERS: 'path of the parameters in SSM, without a slash at its end',
  NODELESS_SERVICE_CIDR: 'range of ClusterIPs',
  NODELESS_QUEUE_CONTROLLERS: 'URL of a FIFO queue',
  NODELESS_QUEUE_SCHEDULER: 'URL of a FIFO queue',
  NODELESS_QUEUE_KUBELET: 'URL of a FIFO queue',
  NODELESS_QUEUE_LATER: 'URL of a standard queue',
  NODELESS_SCHEDULE_GROUP: 'name of the EventBridge Scheduler group for one-off schedules',
  NODELESS_SCHEDULE_ROLE: 'ARN of the role with which a schedule invokes the timer',
  NODELESS_TIMER_ARN: 'ARN of the timer function',
  NODELESS_ECS_CLUSTER: 'ARN of the ECS cluster',
  NODELESS_SUBNETS: 'JSON [{id, zone}]: where tasks may run',
  NODELESS_SECURITY_GROUPS: 'ids for tasks, separated by commas',
  NODELESS_ASSIGN_PUBLIC_IP: 'ENABLED or DISABLED, for tasks',
  NODELESS_EXECUTION_ROLE: 'ARN of the role with which ECS pulls images and writes logs',
  NODELESS_TASK_ROLE: 'ARN of the role of pods that name none; it may do nothing',
  NODELESS_LOG_GROUP: 'name of the log group of containers',
  NODELESS_AGENT_IMAGE: 'the stock Node image in which the agent runs',
  NODELESS_ARCHITECTURE: 'architecture of pods that ask for none: amd64 or arm64',
  NODELESS_VPC: 'id of the VPC',
  NODELESS_LB_SUBNETS: 'JSON {public: [id], private: [id], service: [{id, cidr}]}: where load balancers may stand',
  NODELESS_LB_SECURITY_GROUP: 'id of the security group of load balancers',
  NODELESS_HOSTED_ZONE: 'id of the private zone',
  NODELESS_CLUSTER_DOMAIN: 'its domain',
  NODELESS_SIGNING_KEY: 'ARN of the KMS key that signs ServiceAccount tokens; only when there is one',
  NODELESS_ORIGIN_SECRET: 'what CloudFront sends in x-nodeless-origin; only behind an edge',
} as const;
export type Variable = keyof typeof variables;

/** Set only when a setting asks for them. */
export const optionalVariables: readonly Variable[] = ['NODELESS_SIGNING_KEY', 'NODELESS_ORIGIN_SECRET'];

const cluster = ['NODELESS_CLUSTER', 'NODELESS_TABLE', 'NODELESS_PARAMETERS', 'NODELESS_SERVICE_CIDR'] as const;
const fifoQueues = ['NODELESS_QUEUE_CONTROLLERS', 'NODELESS_QUEUE_SCHEDULER', 'NODELESS_QUEUE_KUBELET'] as const;
const timers = [
  'NODELESS_QUEUE_LATER',
  'NODELESS_SCHEDULE_GROUP',
  'NODELESS_SCHEDULE_ROLE',
  'NODELESS_TIMER_ARN',
] as const;
const tasks = [
  'NODELESS_ECS_CLUSTER',
  'NODELESS_SUBNETS',
  'NODELESS_SECURITY_GROUPS',
  'NODELESS_ASSIGN_PUBLIC_IP',
  'NODELESS_EXECUTION_ROLE',
  'NODELESS_TASK_ROLE',
  'NODELESS_LOG_GROUP',
  'NODELESS_AGENT_IMAGE',
  'NODELESS_ARCHITECTURE',
] as const;

export interface FunctionDefinition {
  readonly bundle: Bundle;
  /** Export of index.mjs. */
  readonly handler: string;
  readonly description: string;
  /** MiB; the share of a CPU grows with it. */
  readonly memory: number;
  /** Seconds. Of functions at queues: their messages stay hidden six times as long. */
  readonly timeout: number;
  readonly environment: readonly Variable[];
}

export const functions: Readonly<Record<FunctionName, FunctionDefinition>> = {
  apiserver: {
    bundle: 'apiserver',
    handler: 'index.handler',
    description: 'The Kubernetes API',
    memory: 1024,
    timeout: 900,
    environment: [...cluster, 'NODELESS_SIGNING_KEY', 'NODELESS_ORIGIN_SECRET'],
  },
  setup: {
    bundle: 'setup',
    handler: 'index.handler',
    description: 'Makes what every cluster holds, and manifests of the stack',
    memory: 1024,
    timeout: 300,
    environment: [...cluster, 'NODELESS_SIGNING_KEY'],
  },
  controllers: {
    bundle: 'controllers',
    handler: 'index.handler',
    description: 'Reconciles one object a message',
    memory: 1024,
    timeout: 90,
    environment: [
      ...cluster,
      ...timers,
      'NODELESS_VPC',
      'NODELESS_LB_SUBNETS',
      'NODELESS_LB_SECURITY_GROUP',
      'NODELESS_HOSTED_ZONE',
      'NODELESS_CLUSTER_DOMAIN',
    ],
  },
  scheduler: {
    bundle: 'scheduler',
    handler: 'index.handler',
    description: 'Binds all pods that wait',
    memory: 1024,
    timeout: 120,
    environment: [...cluster, ...timers],
  },
  'virtual-kubelet': {
    bundle: 'virtual-kubelet',
    handler: 'index.handler',
    description: 'Runs pods as Fargate tasks',
    memory: 1024,
    timeout: 90,
    environment: [...cluster, ...timers, ...tasks, 'NODELESS_CLUSTER_DOMAIN', 'NODELESS_SIGNING_KEY'],
  },
  'kubelet-door': {
    bundle: 'virtual-kubelet',
    handler: 'index.door',
    description: 'What agents in tasks and the API server ask the kubelet',
    memory: 1024,
    timeout: 900,
    environment: [...cluster, ...timers, ...tasks, 'NODELESS_CLUSTER_DOMAIN', 'NODELESS_SIGNING_KEY'],
  },
  dispatcher: {
    bundle: 'dispatcher',
    handler: 'index.handler',
    description: 'Turns changes of the store, of tasks, and ticks into work',
    memory: 512,
    timeout: 60,
    environment: [...cluster, ...fifoQueues],
  },
  later: {
    bundle: 'later',
    handler: 'index.handler',
    description: 'Puts delayed work back into its queue',
    memory: 128,
    timeout: 30,
    environment: [...fifoQueues],
  },
  timer: {
    bundle: 'timer',
    handler: 'index.handler',
    description: 'Puts work into its queue at its time',
    memory: 128,
    timeout: 30,
    environment: [...fifoQueues],
  },
  drain: {
    bundle: 'drain',
    handler: 'index.handler',
    description: 'Removes what the cluster made outside its stack; the switch of the bill guard',
    memory: 256,
    timeout: 900,
    environment: ['NODELESS_CLUSTER'],
  },
};

/** Functions that act for the cluster: stopped, in this order, before a drain. */
export const workers: readonly FunctionName[] = [
  'dispatcher',
  'apiserver',
  'kubelet-door',
  'controllers',
  'scheduler',
  'virtual-kubelet',
  'later',
  'timer',
];
