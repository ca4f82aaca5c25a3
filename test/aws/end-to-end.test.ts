import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeTasksCommand, ECSClient, ListTasksCommand, type Task } from '@aws-sdk/client-ecs';
import {
  DescribeLoadBalancersCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { engineProblem, findEngine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { echoPorts, ensureEchoImage } from '../builders/echo-image.ts';
import { lacking } from '../builders/kubectl.ts';
import { type DeployedCluster, deployCluster } from './end-to-end/deployed-cluster.ts';
import { whyNoDeployment } from './end-to-end/deployment.ts';
import { ensureAgentImage } from './end-to-end/images.ts';
import { useAws } from './harness.ts';

const why = whyNoDeployment() ?? lacking('kubectl') ?? (await engineProblem(findEngine(), 2000)) ?? undefined;

/** In an account, where there are no images of this machine. */
const nodeImage = 'public.ecr.aws/docker/library/node:24-slim';
const answer = `require('node:net').createServer((s) => s.on('error', () => {}).end(process.env.POD_NAME)).listen(${echoPorts.tcp})`;

const web = (image: string, replicas: number, generation: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web, generation: "${generation}" } }
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: echo
        image: ${image}${image === nodeImage ? `\n        args: ${JSON.stringify(['-e', answer])}` : ''}
        ports: [{ containerPort: ${echoPorts.tcp} }]
        env:
        - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
        resources: { requests: { cpu: 100m, memory: 64Mi } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  type: LoadBalancer
  selector: { app: web }
  ports: [{ port: 80, targetPort: ${echoPorts.tcp} }]
`;

/** Asks again and again, for as long as AWS may take. */
async function until<T>(what: string, ask: () => Promise<T | undefined>, timeoutMs = 90_000): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(250)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`in ${timeoutMs / 1000} s it did not happen: ${what}`);
  }
}

/** The stack as the CDK makes it, deployed by the CDK's own command line; everything after that is done with kubectl. */
describe.skipIf(why !== undefined)(`a deployed cluster${why ? ` (${why})` : ''}`, () => {
  const aws = useAws();
  let cluster: DeployedCluster;
  let image: string;
  let agentImage: string;

  beforeAll(async () => {
    if (!aws()) return;
    const { engine } = findEngine();
    const local = aws().engine.endpoint !== undefined;
    image = local ? await ensureEchoImage(engine) : nodeImage;
    agentImage = local ? await ensureAgentImage(engine) : nodeImage;
    cluster = await deployCluster(aws(), { cluster: 'e2e', pods: { agentImage } });
  }, 400_000);
  afterAll(() => cluster?.stop(), 60_000);
  beforeEach(() => {
    onTestFailed(() => console.log(cluster?.log().slice(-15_000)));
  });

  const pods = async (selector: string): Promise<Pod[]> =>
    (JSON.parse(await cluster.kubectl.ok(['get', 'pods', '-l', selector, '-o', 'json'])) as { items: Pod[] }).items;
  const ready = (pod: Pod): boolean =>
    pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  const tasks = async (): Promise<Task[]> => {
    const ecs = new ECSClient(aws().settings);
    const { taskArns = [] } = await ecs.send(
      new ListTasksCommand({ cluster: 'nodeless-e2e', desiredStatus: 'RUNNING' }),
    );
    if (taskArns.length === 0) return [];
    return (await ecs.send(new DescribeTasksCommand({ cluster: 'nodeless-e2e', tasks: taskArns }))).tasks ?? [];
  };
  /** A pod has one address; where an engine gives each container one of its own, it is asked for the container's. */
  const addressOf = async (pod: Pod, task: Task, name: string): Promise<string> => {
    if ((await aws().lacks('shared-localhost')) === undefined) return pod.status!.podIP!;
    const { runtimeId } = task.containers!.find((container) => container.name === name)!;
    const { NetworkSettings } = await findEngine().engine.getContainer(runtimeId!).inspect();
    return Object.values(NetworkSettings.Networks)[0]!.IPAddress;
  };
  const balancer = async (): Promise<{ readonly name: string; readonly targets: readonly string[] } | undefined> => {
    const elb = new ElasticLoadBalancingV2Client(aws().settings);
    const { LoadBalancers = [] } = await elb.send(new DescribeLoadBalancersCommand({}));
    const [found] = LoadBalancers;
    if (!found) return undefined;
    const { TargetGroups = [] } = await elb.send(
      new DescribeTargetGroupsCommand({ LoadBalancerArn: found.LoadBalancerArn! }),
    );
    const targets: string[] = [];
    for (const { TargetGroupArn } of TargetGroups) {
      const { TargetHealthDescriptions = [] } = await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn }));
      targets.push(...TargetHealthDescriptions.map(({ Target }) => `${Target!.Id}:${Target!.Port}`));
    }
    return { name: found.DNSName!, targets: targets.sort() };
  };
  const addresses = (found: readonly Pod[]): string[] =>
    found.map(({ status }) => `${status!.podIP}:${echoPorts.tcp}`).sort();
  const settled = (selector: string, count: number): Promise<Pod[]> =>
    until(`${count} pods are ready`, async () => {
      const found = await pods(selector);
      return found.length === count && found.every(ready) ? found : undefined;
    });
  const targetsAre = (wanted: () => Promise<readonly string[]>): Promise<unknown> =>
    until('the targets are the addresses of the pods', async () => {
      const [found, addressesNow] = [await balancer(), await wanted()];
      return found && addressesNow.length > 0 && JSON.stringify(found.targets) === JSON.stringify(addressesNow)
        ? true
        : undefined;
    });

  it('is asked by kubectl, as an IAM user', async () => {
    const { kubectl } = cluster;
    expect(await kubectl.ok('auth whoami -o jsonpath={.status.userInfo.username}')).toContain(':user/e2e-admin');
    expect(await kubectl.ok('get namespaces -o name')).toContain('namespace/kube-system');
    expect(await kubectl.ok('get --raw /readyz')).toBe('ok');
  });

  it('has a virtual node for each zone, architecture and kind of capacity', async () => {
    const nodes = await until('there are nodes', async () => {
      const names = (await cluster.kubectl.ok('get nodes -o name')).split('\n').filter(Boolean);
      return names.length > 0 ? names : undefined;
    });
    expect(nodes.sort()).toEqual(
      ['a', 'b'].flatMap((zone) =>
        ['amd64-on-demand', 'amd64-spot', 'arm64-on-demand', 'arm64-spot'].map(
          (rest) => `node/fargate-us-east-1${zone}-${rest}`,
        ),
      ),
    );
  }, 100_000);

  it('runs the pods of a Deployment as tasks, which are containers that answer', async (context) => {
    await aws().needs(context, 'task-containers');
    await cluster.kubectl.apply(web(image, 2, 'one'));
    const found = await settled('app=web', 2);
    const running = await tasks();
    expect(running).toHaveLength(2);
    expect(running.map(({ containers = [] }) => containers.map(({ name }) => name).sort())).toEqual([
      ['echo', 'nodeless_agent'],
      ['echo', 'nodeless_agent'],
    ]);
    // An account's tasks are not to be reached from here; what they answer is asked for through load balancers.
    for (const pod of aws().engine.endpoint === undefined ? [] : found) {
      const task = running.find(({ startedBy }) => startedBy === pod.metadata!.uid)!;
      const socket = connect(echoPorts.tcp, await addressOf(pod, task, 'echo'));
      const [said] = (await once(socket, 'data')) as [Buffer];
      expect(String(said)).toContain(pod.metadata!.name);
    }
    expect(await cluster.kubectl.ok('get events -o jsonpath={.items[*].reason}')).toMatch(/Launched/);
    // The agents have asked for their program and for what their pod is.
    const { door } = cluster;
    if (!door) return;
    await until('agents report', () => Promise.resolve(door.figures().invocations >= 4 ? true : undefined));
    expect(door.log()).not.toMatch(/"level":"error"/);
  }, 200_000);

  it('gives a Service its load balancer, and the pods become its targets', async () => {
    const name = await until('the Service has an address', async () => {
      const path = '{.status.loadBalancer.ingress[0].hostname}';
      return (await cluster.kubectl.ok(['get', 'service', 'web', '-o', `jsonpath=${path}`])) || undefined;
    });
    expect(name).toBe((await balancer())!.name);
    await targetsAre(async () => addresses(await pods('app=web')));
  }, 200_000);

  it('follows a change: more pods, then others; the targets go with them', async () => {
    await cluster.kubectl.ok('scale deployment web --replicas=3');
    await settled('app=web', 3);
    await targetsAre(async () => addresses(await pods('app=web')));
    await cluster.kubectl.apply(web(image, 2, 'two'));
    await cluster.kubectl.ok('rollout status deployment web --timeout=120s', { timeoutMs: 130_000 });
    await until('the old pods are gone', async () => ((await pods('generation=one')).length === 0 ? true : undefined));
    await targetsAre(async () => addresses(await pods('generation=two')));
    await until('two tasks are left', async () => ((await tasks()).length === 2 ? true : undefined));
  }, 300_000);

  it('runs a Job to its end, and has its log', async () => {
    const { kubectl } = cluster;
    await kubectl.apply(`
apiVersion: batch/v1
kind: Job
metadata: { name: hello }
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: hello
        image: ${agentImage}
        args: ["-e", "console.log('hello from a task')"]
`);
    await kubectl.ok('wait --for=condition=complete job/hello --timeout=120s', { timeoutMs: 130_000 });
    expect(await kubectl.ok('logs job/hello')).toBe('hello from a task\n');
  }, 200_000);

  it('keeps its state when it is deployed again', async () => {
    const dynamo = new DynamoDBClient(aws().settings);
    const table = async (): Promise<unknown> =>
      (await dynamo.send(new DescribeTableCommand({ TableName: cluster.outputs['TableName']! }))).Table?.TableId;
    const before = await table();
    const names = (await pods('app=web')).map(({ metadata }) => metadata!.uid).sort();
    await cluster.update({ logRetentionDays: 7 });
    expect(await table()).toBe(before);
    expect((await pods('app=web')).map(({ metadata }) => metadata!.uid).sort()).toEqual(names);
  }, 200_000);

  it('takes back what is deleted', async () => {
    await cluster.kubectl.ok('delete service web --wait=false');
    await until('the load balancer is gone', async () => ((await balancer()) === undefined ? true : undefined));
    await until('the Service is gone', async () =>
      (await cluster.kubectl.run('get service web')).code === 0 ? undefined : true,
    );
    await cluster.kubectl.ok('delete deployment/web job/hello');
    await until('no task runs', async () => ((await tasks()).length === 0 ? true : undefined));
    await until('no pod is left', async () => ((await pods('app=web')).length === 0 ? true : undefined));
  }, 300_000);

  it('drains when the stack is destroyed, and leaves only the table', async () => {
    await cluster.kubectl.apply(web(image, 1, 'three'));
    await settled('app=web', 1);
    await until('there is a load balancer', () => balancer());
    await cluster.destroy();
    expect(await tasks()).toEqual([]);
    expect(await balancer()).toBeUndefined();
    const stacks = new CloudFormationClient(aws().settings);
    const gone = await stacks.send(new DescribeStacksCommand({ StackName: cluster.stackName })).then(
      ({ Stacks }) => Stacks?.[0]?.StackStatus,
      (error: unknown) => (error as Error).message,
    );
    expect(gone).toMatch(/DELETE_COMPLETE|does not exist/);
    const dynamo = new DynamoDBClient(aws().settings);
    const { Table } = await dynamo.send(new DescribeTableCommand({ TableName: cluster.outputs['TableName']! }));
    expect(Table!.TableStatus).toBe('ACTIVE');
  }, 300_000);
});
