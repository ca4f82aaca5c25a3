/** What may be set about a cluster in AWS: the type, the defaults, and what is refused with its reason. */

/** How pods reach the internet. */
export type Egress =
  /** Each task has a public IPv4 address (0.005 dollars an hour each); nothing comes in but by rule. Works everywhere. */
  | 'publicIp'
  /** Private subnets with an egress-only gateway: free, but what has no IPv6 address cannot be reached. */
  | 'ipv6'
  /** Private subnets behind one NAT gateway: 32.85 dollars a month and 0.045 a GB. */
  | 'nat';

export interface NodelessSettings {
  /** Unique in account and region; in every name, tag, path and token. Cannot be changed later. */
  readonly cluster: string;
  /** Who may do everything, as ARNs of IAM roles or users. `nodeless deploy` adds who runs it. */
  readonly admins: readonly string[];
  /** A role, mapped to system:masters, that principals of the account may assume if their own policies say so. */
  readonly adminRole: boolean;
  /** `function-url`: the function's own URL. `edge`: behind CloudFront with a secret origin header (0.40 dollars a month for the secret). */
  readonly exposure: 'function-url' | 'edge';
  /** With `edge` only: WAF's managed rules and a rate limit (about 7 dollars a month and 0.60 a million requests). Needs us-east-1. */
  readonly waf: boolean;
  readonly network: NetworkSettings;
  readonly pods: PodSettings;
  readonly state: StateSettings;
  /** Days that logs of functions and pods are kept; one of CloudWatch's numbers. */
  readonly logRetentionDays: number;
  /** A customer managed key for table, queues and logs: 1 dollar a month and 0.03 per 10,000 calls. */
  readonly customerKey: boolean;
  /** Signs ServiceAccount tokens with a key that never leaves KMS (1 dollar a month) instead of one in an SSM SecureString. */
  readonly signingKeyInKms: boolean;
  readonly monitoring: MonitoringSettings;
  readonly hub: HubSettings;
  /** Watches and followed logs that functions hold at once; further ones are answered 429. At most a quarter of the account's concurrency. */
  readonly heldWatches: number;
  /** Concurrency kept for a function and its limit. Only where the account has room: `nodeless doctor --region` says. */
  readonly reservedConcurrency: Readonly<Partial<Record<ReservableFunction, number>>>;
  /** More tags for everything. */
  readonly tags: Readonly<Record<string, string>>;
}

export interface NetworkSettings {
  /** Of the VPC that is made; of no meaning in a VPC that is given. */
  readonly cidr: string;
  /** ClusterIPs. In a VPC of its own this is a second range of it, so that a load balancer can stand at a ClusterIP. Cannot be changed later. */
  readonly serviceCidr: string;
  /** 2 to 4. Can be raised later; lowering it removes the virtual nodes of a zone. */
  readonly zones: number;
  readonly egress: Egress;
  /** Records all accepted and refused connections in CloudWatch Logs: 0.50 dollars a GB. */
  readonly flowLogs: boolean;
  /** Domain of Service names. Two clusters in one VPC need two. */
  readonly clusterDomain: string;
}

export interface PodSettings {
  /** Architecture of pods that ask for none. */
  readonly architecture: 'amd64' | 'arm64';
  /** Stock Node image, of both architectures, in which the agent runs. */
  readonly agentImage: string;
  /** ARNs (with * allowed) of roles that pods may be given by annotation, beside `nodeless-<cluster>-pod-*` of the account. */
  readonly roles: readonly string[];
  /** CloudWatch Container Insights: about 0.07 dollars per metric and month. */
  readonly containerInsights: boolean;
}

export interface StateSettings {
  /** What becomes of the table when the stack is deleted. */
  readonly removal: 'retain' | 'destroy';
  /** Restore to any second of the last 35 days: 0.20 dollars a GB and month. */
  readonly pointInTimeRecovery: boolean;
  readonly deletionProtection: boolean;
  /** A table that an earlier cluster left behind, to be taken over: its name and the ARN of its stream. */
  readonly existing?: { readonly tableName: string; readonly streamArn: string };
}

/** The API server as one small task beside the function: for clusters with many watchers. */
export interface HubSettings {
  /** About 11 dollars a month on demand with the defaults, its public address included. */
  readonly enabled: boolean;
  /** A Spot task is stopped now and then; the next one has another address. */
  readonly capacity: 'on-demand' | 'spot';
  /** Fargate's: 256 is a quarter of a CPU. */
  readonly cpu: 256 | 512 | 1024 | 2048;
  /** MiB; must be one that Fargate has for this CPU. */
  readonly memory: number;
  /** Ranges that may connect. Everybody must show a credential. */
  readonly from: readonly string[];
}

export interface MonitoringSettings {
  /** The first three of an account are free, further ones 3 dollars a month. */
  readonly dashboard: boolean;
  /** Ten at most; the first ten of an account are free, further ones 0.10 dollars a month. */
  readonly alarms: boolean;
  /** Addresses that are sent what the alarms say. */
  readonly alarmEmails: readonly string[];
  /** API requests in an hour that ring the alarm: a public URL is a bill that anyone can run up. A million cost about 2 dollars. */
  readonly billGuardRequestsPerHour: number;
  /** Whether that alarm also stops the API (concurrency 0) until `aws lambda delete-function-concurrency` is called. */
  readonly killSwitch: boolean;
}

export const reservableFunctions = [
  'apiserver',
  'controllers',
  'scheduler',
  'virtual-kubelet',
  'kubelet-door',
] as const;
export type ReservableFunction = (typeof reservableFunctions)[number];

/** Settings as people give them: everything has a default. */
export type NodelessOptions = Partial<Omit<NodelessSettings, 'network' | 'pods' | 'state' | 'monitoring' | 'hub'>> & {
  readonly network?: Partial<NetworkSettings>;
  readonly pods?: Partial<PodSettings>;
  readonly state?: Partial<StateSettings>;
  readonly monitoring?: Partial<MonitoringSettings>;
  readonly hub?: Partial<HubSettings>;
};

export const defaultSettings: NodelessSettings = {
  cluster: 'main',
  admins: [],
  adminRole: true,
  exposure: 'function-url',
  waf: false,
  network: {
    cidr: '10.0.0.0/16',
    serviceCidr: '10.96.0.0/16',
    zones: 2,
    egress: 'publicIp',
    flowLogs: false,
    clusterDomain: 'cluster.local',
  },
  pods: {
    architecture: 'amd64',
    agentImage: 'public.ecr.aws/docker/library/node:24-slim',
    roles: [],
    containerInsights: false,
  },
  state: { removal: 'retain', pointInTimeRecovery: true, deletionProtection: true },
  logRetentionDays: 30,
  customerKey: false,
  signingKeyInKms: false,
  monitoring: {
    dashboard: true,
    alarms: true,
    alarmEmails: [],
    billGuardRequestsPerHour: 1_000_000,
    killSwitch: false,
  },
  heldWatches: 25,
  hub: { enabled: false, capacity: 'on-demand', cpu: 256, memory: 512, from: ['0.0.0.0/0'] },
  reservedConcurrency: {},
  tags: {},
};

/** Fills in the defaults. Throws Error that lists every problem with its path. */
export function resolveSettings(options: NodelessOptions = {}): NodelessSettings {
  const unknown = unknownKeys(options);
  const state = withDefaults(defaultSettings.state, options.state);
  const settings: NodelessSettings = {
    ...withDefaults(defaultSettings, options),
    network: withDefaults(defaultSettings.network, options.network),
    pods: withDefaults(defaultSettings.pods, options.pods),
    // A table that is to go with its stack must not be protected from going.
    state: { ...state, deletionProtection: options.state?.deletionProtection ?? state.removal === 'retain' },
    monitoring: withDefaults(defaultSettings.monitoring, options.monitoring),
    hub: withDefaults(defaultSettings.hub, options.hub),
  };
  const problems = [...unknown, ...settingProblems(settings)];
  if (problems.length > 0)
    throw new Error(`nodeless cannot be set up like this:\n${problems.map((p) => `- ${p}`).join('\n')}`);
  return settings;
}

/** What is undefined counts as not given. */
function withDefaults<T extends object>(defaults: T, given: object = {}): T {
  return { ...defaults, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

function unknownKeys(options: NodelessOptions): string[] {
  const known = { ...defaultSettings, state: { ...defaultSettings.state, existing: undefined } };
  const nested = ['network', 'pods', 'state', 'monitoring', 'hub'] as const;
  return [
    ...Object.keys(options).filter((key) => !Object.hasOwn(known, key)),
    ...nested.flatMap((part) =>
      Object.keys(options[part] ?? {})
        .filter((key) => !Object.hasOwn(known[part], key))
        .map((key) => `${part}.${key}`),
    ),
  ].map((path) => `${path}: there is no such setting`);
}

/** CloudWatch takes only these. */
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** Every reason why these settings cannot be; empty when they can. */
export function settingProblems(settings: NodelessSettings): string[] {
  const problems: string[] = [];
  const need = (good: boolean, path: string, why: string): void => {
    if (!good) problems.push(`${path}: ${why}`);
  };
  const { network, pods, state, monitoring } = settings;
  // `nodeless-<cluster>-controllers-dead.fifo` and role names have 64 characters at most; load balancers 32.
  need(
    typeof settings.cluster === 'string' && /^[a-z](?:[a-z0-9-]{0,22}[a-z0-9])?$/.test(settings.cluster),
    'cluster',
    `must be 1 to 24 lower case letters, digits and hyphens and begin with a letter, not ${JSON.stringify(settings.cluster)}`,
  );
  for (const admin of settings.admins)
    need(
      /^arn:aws[a-z-]*:iam::\d{12}:(?:(?:role|user)\/\S+|root)$/.test(admin) || admin.includes('${Token['),
      'admins',
      `${JSON.stringify(admin)} is not the ARN of an IAM role or user (arn:aws:iam::123456789012:role/name)`,
    );
  need(['function-url', 'edge'].includes(settings.exposure), 'exposure', 'must be function-url or edge');
  need(
    !settings.waf || settings.exposure === 'edge',
    'waf',
    'needs exposure: edge; a function URL cannot stand behind WAF',
  );
  need(
    Number.isInteger(settings.heldWatches) && settings.heldWatches >= 1,
    'heldWatches',
    'must be a whole number above 0',
  );
  problems.push(...networkProblems(network), ...hubProblems(settings.hub));
  need(['amd64', 'arm64'].includes(pods.architecture), 'pods.architecture', 'must be amd64 or arm64');
  need(/^\S+$/.test(pods.agentImage), 'pods.agentImage', 'must be an image');
  for (const role of pods.roles)
    need(
      /^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(role),
      'pods.roles',
      `${JSON.stringify(role)} is not the ARN of an IAM role`,
    );
  need(['retain', 'destroy'].includes(state.removal), 'state.removal', 'must be retain or destroy');
  need(
    state.removal === 'retain' || !state.deletionProtection,
    'state.deletionProtection',
    'a protected table cannot be removed with its stack: leave it out, or choose removal: retain',
  );
  need(
    retentionDays.includes(settings.logRetentionDays),
    'logRetentionDays',
    `must be one of ${retentionDays.join(', ')}`,
  );
  need(
    Number.isInteger(monitoring.billGuardRequestsPerHour) && monitoring.billGuardRequestsPerHour > 0,
    'monitoring.billGuardRequestsPerHour',
    'must be a whole number above 0',
  );
  need(
    !monitoring.killSwitch || monitoring.alarms,
    'monitoring.killSwitch',
    'is worked by an alarm: needs monitoring.alarms',
  );
  for (const address of monitoring.alarmEmails)
    need(/^\S+@\S+$/.test(address), 'monitoring.alarmEmails', `${JSON.stringify(address)} is not an address`);
  for (const [name, count] of Object.entries(settings.reservedConcurrency)) {
    need(
      (reservableFunctions as readonly string[]).includes(name),
      `reservedConcurrency.${name}`,
      `must be one of ${reservableFunctions.join(', ')}`,
    );
    need(
      Number.isInteger(count) && (count as number) >= 2,
      `reservedConcurrency.${name}`,
      'must be a whole number of 2 or more',
    );
  }
  return problems;
}

function networkProblems({ cidr, serviceCidr, zones, egress, clusterDomain }: NetworkSettings): string[] {
  const problems: string[] = [];
  if (!Number.isInteger(zones) || zones < 2 || zones > 4) problems.push('network.zones: must be 2, 3 or 4');
  if (!['publicIp', 'ipv6', 'nat'].includes(egress)) problems.push('network.egress: must be publicIp, ipv6 or nat');
  if (!/^(?=.{1,63}$)[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(clusterDomain))
    problems.push(`network.clusterDomain: ${JSON.stringify(clusterDomain)} is not a domain`);
  const own = parseCidr(cidr);
  const services = parseCidr(serviceCidr);
  if (own?.prefix !== 16)
    problems.push(`network.cidr: must be an IPv4 range of 16 bits like 10.0.0.0/16, not ${JSON.stringify(cidr)}`);
  if (!services || services.prefix < 16 || services.prefix > 24)
    problems.push(`network.serviceCidr: must be an IPv4 range between /16 and /24, not ${JSON.stringify(serviceCidr)}`);
  if (own && services && overlap(own, services))
    problems.push(`network.serviceCidr: ${serviceCidr} and network.cidr ${cidr} must not overlap`);
  return problems;
}

/** MiB that Fargate has for so much CPU: from, to, in steps of. */
const fargateMemory: Readonly<Record<number, readonly [number, number, number]>> = {
  256: [512, 2048, 512],
  512: [1024, 4096, 1024],
  1024: [2048, 8192, 1024],
  2048: [4096, 16384, 1024],
};

function hubProblems({ capacity, cpu, memory, from }: HubSettings): string[] {
  const problems: string[] = [];
  if (!['on-demand', 'spot'].includes(capacity)) problems.push('hub.capacity: must be on-demand or spot');
  const sizes = fargateMemory[cpu];
  if (!sizes) problems.push(`hub.cpu: must be one of ${Object.keys(fargateMemory).join(', ')}`);
  else if (memory < sizes[0] || memory > sizes[1] || memory % sizes[2] !== 0 || (cpu === 256 && memory === 1536))
    problems.push(
      `hub.memory: Fargate has ${sizes[0]} to ${sizes[1]} MiB in steps of ${sizes[2]} for this CPU, not ${memory}`,
    );
  for (const range of from)
    if (!/^[0-9a-fA-F.:]+\/\d{1,3}$/.test(range)) problems.push(`hub.from: ${JSON.stringify(range)} is not a range`);
  return problems;
}

export interface Cidr {
  /** The first address as a number. */
  readonly base: number;
  readonly prefix: number;
}

/** An IPv4 range whose host bits are zero. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  if (!match) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, prefix = 0] = match.slice(1).map(Number);
  if ([a, b, c, d].some((part) => part > 255) || prefix > 32) return undefined;
  const base = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  return base % 2 ** (32 - prefix) === 0 ? { base, prefix } : undefined;
}

function overlap(a: Cidr, b: Cidr): boolean {
  return a.base < b.base + 2 ** (32 - b.prefix) && b.base < a.base + 2 ** (32 - a.prefix);
}

/** The two halves of a range, as text. */
export function halves(text: string): [string, string] {
  const { base, prefix } = parseCidr(text) as Cidr;
  const show = (address: number): string =>
    `${[24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')}/${prefix + 1}`;
  return [show(base), show(base + 2 ** (31 - prefix))];
}
