import { bootVariable, paths, readyFile, volumeRoot } from './agent-protocol.ts';

/** Name of the agent's container in every task; the underscore keeps it apart from any container of a pod. */
export const agentContainerName = 'nodeless_agent';

/** What the agent takes of a task: added to what the pod's containers ask for. */
export const agentResources = {
  /** CPU units, 1024 a vCPU: a share while others want to run, not a limit. */
  cpu: 16,
  /** MiB. Counted when a task's size is chosen. */
  memoryReservation: 96,
  /** MiB: it is ended beyond it, so that it never takes what the pod paid for. */
  memory: 192,
} as const;

export interface AgentContainerOptions {
  /** A stock Node image (NODELESS_AGENT_IMAGE): nothing of it is used but `node` and `test`. */
  readonly image: string;
  /** Names of the pod's volumes that the agent writes or prepares: kind 'files' and emptyDirs. */
  readonly volumes: readonly string[];
  readonly logs?: { readonly group: string; readonly region: string; readonly streamPrefix: string };
}

/** A member of ECS' `containerDefinitions`, nothing of it particular to one pod: that comes with `agentOverride`. */
export interface AgentContainerDefinition {
  readonly name: string;
  readonly image: string;
  readonly essential: true;
  readonly entryPoint: readonly string[];
  readonly command: readonly string[];
  readonly cpu: number;
  readonly memory: number;
  readonly memoryReservation: number;
  readonly user: '0';
  readonly mountPoints: readonly {
    readonly sourceVolume: string;
    readonly containerPath: string;
    readonly readOnly: false;
  }[];
  readonly healthCheck: {
    readonly command: readonly string[];
    readonly interval: number;
    readonly timeout: number;
    readonly retries: number;
    readonly startPeriod: number;
  };
  readonly startTimeout: number;
  readonly stopTimeout: number;
  readonly logConfiguration?: {
    readonly logDriver: 'awslogs';
    readonly options: Readonly<Record<string, string>>;
  };
}

/**
 * Fetches the program and runs it. It stands in every task definition (64 KB in all), so it is short, and nothing in it is
 * particular to a pod. Tries for two minutes, after which ECS gives up on the containers that wait; a pod that is gone (410)
 * ends it at once, and so does a token that is refused a few times (two clocks may differ by a little). node:http rather than fetch: that saves the agent 12 MiB.
 */
export const loader = `
const s=JSON.parse(process.env.${bootVariable}),u=new URL(s.url+'${paths.program}'),end=Date.now()+12e4;
const fail=e=>{console.error('nodeless agent: '+e);process.exit(1)};
let n=0;
const again=e=>Date.now()>end?fail(e):setTimeout(go,Math.random()*Math.min(8e3,250*2**n++)+100);
const go=()=>{const r=require(u.protocol.slice(0,-1)).get(u,{headers:{authorization:'Bearer '+s.token},timeout:1e4},a=>{
const b=[];a.on('data',d=>b.push(d)).on('error',again).on('end',()=>{
if(a.statusCode===410||a.statusCode===403||a.statusCode===401&&n>3)fail('refused: '+Buffer.concat(b));
if(a.statusCode!==200||!a.complete)return again('HTTP '+a.statusCode);
const f=require('path').join(require('os').tmpdir(),'nodeless-agent.mjs');require('fs').writeFileSync(f,Buffer.concat(b));
import(f).catch(fail)})});r.on('timeout',()=>r.destroy(Error('timeout'))).on('error',again)};
process.on('SIGTERM',()=>process.exit(0));go()`.trim();

export function agentContainer(options: AgentContainerOptions): AgentContainerDefinition {
  const { image, volumes, logs } = options;
  return {
    name: agentContainerName,
    image,
    // Without it probes, tokens and volumes would stand still unseen; it is also how a finished pod's task is ended.
    essential: true,
    entryPoint: ['node'],
    command: ['--max-old-space-size=64', '--max-semi-space-size=1', '-e', loader],
    ...agentResources,
    // Volumes belong to root when ECS makes them.
    user: '0',
    mountPoints: volumes.map((name) => ({
      sourceVolume: name,
      containerPath: `${volumeRoot}/${name}`,
      readOnly: false,
    })),
    healthCheck: {
      // No node here: this runs every five seconds, ECS' shortest interval, for as long as the task does.
      command: ['CMD', 'test', '-e', readyFile],
      interval: 5,
      timeout: 2,
      retries: 10,
      startPeriod: 120,
    },
    startTimeout: 120,
    // It is stopped after the containers that depend on it; a last report takes two seconds at most.
    stopTimeout: 5,
    ...(logs
      ? {
          logConfiguration: {
            logDriver: 'awslogs' as const,
            options: {
              'awslogs-group': logs.group,
              'awslogs-region': logs.region,
              'awslogs-stream-prefix': logs.streamPrefix,
              mode: 'non-blocking',
            },
          },
        }
      : {}),
  };
}

/** The containers of the pod wait for it. */
export const dependsOnAgent = { containerName: agentContainerName, condition: 'HEALTHY' } as const;

/** The member of `overrides.containerOverrides` that makes a task this pod's. */
export function agentOverride(url: string, token: string) {
  return {
    name: agentContainerName,
    environment: [{ name: bootVariable, value: JSON.stringify({ v: 1, url: url.replace(/\/+$/, ''), token }) }],
  };
}
