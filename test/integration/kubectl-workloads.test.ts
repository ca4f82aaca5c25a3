import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Kubectl, lacking } from '../builders/kubectl.ts';
import { type RunningCluster, startRunningCluster } from '../builders/running-cluster.ts';
import { rows } from '../builders/tables.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** The daily work on workloads and nodes: run, expose, scale, set, rollout, wait, jobs, cordon, drain, taint. */
const unable = lacking('kubectl');
let cluster: RunningCluster;
let k: Kubectl;
let count = 0;
beforeAll(async () => {
  if (!unable) cluster = await startRunningCluster({ nodes: 3 });
}, 90_000);
afterAll(async () => {
  await cluster?.stop();
});
beforeEach(async (context) => {
  context.skip(unable !== undefined, unable);
  const namespace = `work-${(count += 1)}`;
  await cluster.kubectl().ok(`create namespace ${namespace}`);
  k = cluster.kubectl({ args: ['-n', namespace] });
});

async function web(replicas = 2): Promise<void> {
  await k.ok(`create deployment web --image=nginx:1 --replicas=${replicas}`);
  await settled();
}
const settled = (name = 'web'): Promise<string> => k.ok(`rollout status deployment/${name} --timeout=30s`);
const images = (): Promise<string> => k.ok('get pods -l app=web -o jsonpath={.items[*].spec.containers[*].image}');

describe('rollout', () => {
  it('goes on, shows its history and goes back', async () => {
    await web();
    expect(await k.ok('set image deployment/web nginx=nginx:2')).toBe('deployment.apps/web image updated\n');
    expect(await settled()).toMatch(/deployment "web" successfully rolled out\n$/);
    await expect.poll(images, { timeout: 10_000 }).toBe('nginx:2 nginx:2');
    await k.ok(['annotate', 'deployment/web', 'kubernetes.io/change-cause=second try']);
    await expect
      .poll(() => k.ok('rollout history deployment/web'))
      .toBe('deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         second try\n\n');
    expect(await k.ok('rollout history deployment/web --revision=1')).toMatch(
      /^deployment\.apps\/web with revision #1\nPod Template:\n[^]*Image:\tnginx:1\n/,
    );
    expect(await k.fails('rollout history deployment/web --revision=9')).toBe(
      'error: unable to find the specified revision\n',
    );
    expect(await k.ok('rollout undo deployment/web')).toBe('deployment.apps/web rolled back\n');
    await settled();
    await expect.poll(images, { timeout: 10_000 }).toBe('nginx:1 nginx:1');
    expect(await k.ok('rollout undo deployment/web --to-revision=2')).toBe('deployment.apps/web rolled back\n');
    expect(await k.ok('rollout undo deployment/web --to-revision=4 --dry-run=server')).toContain('(server dry run)');
    expect(await k.fails('rollout undo deployment/web --to-revision=17')).toBe(
      'error: unable to find specified revision 17 in history\n',
    );
    await settled();
    await expect.poll(images, { timeout: 10_000 }).toBe('nginx:2 nginx:2');
  });

  it('restarts, pauses and resumes', async () => {
    await web();
    const names = async (): Promise<string[]> =>
      (await k.ok('get pods -l app=web -o name')).trim().split('\n').toSorted();
    const before = await names();
    expect(await k.ok('rollout restart deployment/web')).toBe('deployment.apps/web restarted\n');
    await settled();
    await expect
      .poll(async () => (await names()).filter((name) => before.includes(name)), { timeout: 10_000 })
      .toEqual([]);
    expect(await k.ok('rollout pause deployment/web')).toBe('deployment.apps/web paused\n');
    expect(await k.fails('rollout pause deployment/web')).toBe('error: deployments.apps "web" is already paused\n');
    expect(await k.fails('rollout restart deployment/web')).toContain(
      "can't restart paused deployment (run rollout resume first)",
    );
    await k.ok('set env deployment/web COLOUR=blue');
    await k.ok('set resources deployment/web --limits=cpu=100m,memory=64Mi');
    // Nothing rolls while it is paused.
    await k.ok(
      'wait deployment/web --for=jsonpath={.status.conditions[?(@.type=="Progressing")].reason}=DeploymentPaused --timeout=10s',
    );
    expect(await k.ok('get rs -o name')).toMatch(/^(replicaset\.apps\/web-\w+\n){2}$/);
    expect(await k.ok('rollout resume deployment/web')).toBe('deployment.apps/web resumed\n');
    expect(await k.fails('rollout resume deployment/web')).toBe('error: deployments.apps "web" is not paused\n');
    await settled();
    const pod = JSON.parse(await k.ok('get deployment web -o json')) as {
      spec: { template: { spec: { containers: unknown[] } } };
    };
    expect(pod.spec.template.spec.containers).toMatchObject([
      { env: [{ name: 'COLOUR', value: 'blue' }], resources: { limits: { cpu: '100m', memory: '64Mi' } } },
    ]);
    expect(await k.ok('get rs -o name')).toMatch(/^(replicaset\.apps\/web-\w+\n){3}$/);
    expect(await k.ok('set env deployment/web --list')).toBe('# Deployment web, container nginx\nCOLOUR=blue\n');
  });

  it('tells of one that does not come to its end', async () => {
    await k.apply(
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'stuck' },
        spec: {
          progressDeadlineSeconds: 1,
          selector: { matchLabels: { app: 'stuck' } },
          template: {
            metadata: { labels: { app: 'stuck' }, annotations: { 'simulated.nodeless.dev/fail': 'ImagePullBackOff' } },
            spec: { containers: [{ name: 'c', image: 'no:where' }] },
          },
        },
      }),
    );
    expect(await k.fails('rollout status deployment/stuck --timeout=30s')).toContain(
      'error: deployment "stuck" exceeded its progress deadline\n',
    );
    expect(rows(await k.ok('get pods -l app=stuck'))).toMatchObject([
      { READY: '0/1', STATUS: 'ImagePullBackOff', RESTARTS: '0' },
    ]);
    expect(rows(await k.ok('get deployment stuck'))).toMatchObject([
      { READY: '0/1', 'UP-TO-DATE': '1', AVAILABLE: '0' },
    ]);
    expect(await k.ok('describe deployment stuck')).toMatch(/Progressing +False +ProgressDeadlineExceeded\n/);
  });
});

describe('scale and expose', () => {
  it('scales, when the size is what was expected', async () => {
    await web(1);
    expect(await k.ok('scale deployment/web --replicas=3')).toBe('deployment.apps/web scaled\n');
    await settled();
    expect(rows(await k.ok('get deployment web'))).toMatchObject([{ READY: '3/3' }]);
    expect(await k.fails('scale deployment/web --replicas=5 --current-replicas=9')).toBe(
      'error: Expected replicas to be 9, was 3\n',
    );
    expect(await k.ok('scale --replicas=0 -l app=web deployment --all=false')).toBe('deployment.apps/web scaled\n');
    await k.ok('wait --for=delete pod -l app=web --timeout=30s');
    expect(await k.fails('scale deployment/nope --replicas=1')).toBe(
      'Error from server (NotFound): deployments.apps "nope" not found\n',
    );
    expect(await k.ok('autoscale deployment/web --min=2 --max=8 --cpu=80%')).toBe(
      'horizontalpodautoscaler.autoscaling/web autoscaled\n',
    );
    expect(rows(await k.ok('get hpa'))).toMatchObject([
      { NAME: 'web', REFERENCE: 'Deployment/web', TARGETS: 'cpu: <unknown>/80%', MINPODS: '2', MAXPODS: '8' },
    ]);
  });

  it('exposes a Deployment, whose ready pods become the endpoints', async () => {
    await web();
    expect(await k.ok('expose deployment web --port=80 --target-port=8080')).toBe('service/web exposed\n');
    const addresses = (await k.ok('get pods -o jsonpath={.items[*].status.podIP}')).split(' ').toSorted();
    await expect
      .poll(
        async () =>
          (
            await k.ok(
              'get endpointslices -l kubernetes.io/service-name=web -o jsonpath={.items[*].endpoints[*].addresses[*]}',
            )
          )
            .split(' ')
            .toSorted(),
        { timeout: 10_000 },
      )
      .toEqual(addresses);
    expect(rows(await k.ok('get service web'))).toMatchObject([
      {
        TYPE: 'ClusterIP',
        'CLUSTER-IP': expect.stringMatching(/^10\.96\./),
        'EXTERNAL-IP': '<none>',
        'PORT(S)': '80/TCP',
      },
    ]);
    expect(await k.ok('expose service web --name=outside --port=8080 --type=NodePort')).toBe(
      'service/outside exposed\n',
    );
    expect(rows(await k.ok('get service outside'))).toMatchObject([
      { 'PORT(S)': expect.stringMatching(/^8080:3\d{4}\/TCP$/) },
    ]);
    expect(await k.fails('expose deployment web --port=80')).toBe(
      'Error from server (AlreadyExists): services "web" already exists\n',
    );
  });
});

describe('pods and jobs', () => {
  it('runs a pod and waits for it', async () => {
    expect(await k.ok('run one --image=busybox --restart=Never --labels=a=b --env=X=1 --port=80 -- sleep 100')).toBe(
      'pod/one created\n',
    );
    expect(await k.ok('wait pod/one --for=condition=Ready --timeout=30s')).toBe('pod/one condition met\n');
    expect(await k.ok('wait pod/one --for=jsonpath={.status.phase}=Running --timeout=30s')).toBe(
      'pod/one condition met\n',
    );
    expect(await k.fails('wait pod/one --for=condition=Nope --timeout=1s')).toBe(
      'error: timed out waiting for the condition on pods/one\n',
    );
    expect(await k.fails('wait pod/nope --for=condition=Ready --timeout=1s')).toBe(
      'Error from server (NotFound): pods "nope" not found\n',
    );
    expect(await k.fails('run one --image=busybox')).toBe(
      'Error from server (AlreadyExists): pods "one" already exists\n',
    );
    expect(await k.ok('wait pod/one --for=create --timeout=30s')).toBe('pod/one condition met\n');
  });

  it('shows how pods fare', async () => {
    const pod = (name: string, annotations: Record<string, string>, restartPolicy = 'Always'): Promise<string> =>
      k.apply(
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: {
            name,
            annotations: Object.fromEntries(
              Object.entries(annotations).map(([key, value]) => [`simulated.nodeless.dev/${key}`, value]),
            ),
          },
          spec: { restartPolicy, containers: [{ name: 'c', image: 'i' }] },
        }),
      );
    await pod('done', { 'run-for': '10ms' }, 'Never');
    await pod('failed', { fail: 'exit:3' }, 'Never');
    await pod('killed', { fail: 'OOMKilled' }, 'Never');
    await pod('crashing', { fail: 'CrashLoop' });
    await pod('unready', { fail: 'NotReady' });
    await k.apply(
      '{apiVersion: v1, kind: Pod, metadata: {name: big}, spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 9k}}}]}}',
    );
    const status = async (): Promise<Record<string, string>> =>
      Object.fromEntries(rows(await k.ok('get pods')).map((row) => [row['NAME'], `${row['READY']} ${row['STATUS']}`]));
    await expect.poll(status, { timeout: 20_000 }).toEqual({
      done: '0/1 Completed',
      failed: '0/1 Error',
      killed: '0/1 OOMKilled',
      crashing: '0/1 CrashLoopBackOff',
      unready: '0/1 Running',
      big: '0/1 Pending',
    });
    expect(await k.ok('describe pod big')).toMatch(
      /Warning +FailedScheduling +\S+ +default-scheduler +0\/3 nodes are available: 3 Insufficient cpu\./,
    );
    expect(await k.ok('describe pod failed')).toMatch(/State: +Terminated\n +Reason: +Error\n +Exit Code: +3\n/);
    expect(await k.ok('get pods --field-selector status.phase=Succeeded -o name')).toBe('pod/done\n');
    expect(await k.ok('describe pod crashing')).toMatch(/Warning +BackOff +/);
  });

  it('runs jobs to their end', async () => {
    await k.apply(
      '{apiVersion: batch/v1, kind: Job, metadata: {name: sums}, spec: {completions: 3, parallelism: 2, template: {metadata: {annotations: {simulated.nodeless.dev/run-for: 10ms}}, spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}',
    );
    expect(await k.ok('wait job/sums --for=condition=Complete --timeout=30s')).toBe('job.batch/sums condition met\n');
    expect(rows(await k.ok('get job sums'))).toMatchObject([{ NAME: 'sums', STATUS: 'Complete', COMPLETIONS: '3/3' }]);
    expect(await k.ok('describe job sums')).toMatch(
      /Pods Statuses: +0 Active \(0 Ready\) \/ 3 Succeeded \/ 0 Failed\n/,
    );
    await k.apply(
      '{apiVersion: batch/v1, kind: Job, metadata: {name: never}, spec: {backoffLimit: 0, template: {metadata: {annotations: {simulated.nodeless.dev/fail: "exit:1"}}, spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}',
    );
    expect(await k.ok('wait job/never --for=condition=Failed --timeout=30s')).toBe('job.batch/never condition met\n');
    expect(rows(await k.ok('get job never'))).toMatchObject([{ STATUS: 'Failed', COMPLETIONS: '0/1' }]);
  });
});

describe('nodes', () => {
  it('are cordoned, drained and taken back', async () => {
    await web(3);
    expect(await k.ok('cordon node-1')).toBe('node/node-1 cordoned\n');
    try {
      expect(await k.ok('cordon node-1')).toBe('node/node-1 already cordoned\n');
      expect(rows(await k.ok('get node node-1'))).toMatchObject([{ STATUS: 'Ready,SchedulingDisabled' }]);
      await k.ok('run bare --image=busybox --overrides={"spec":{"nodeName":"node-1"}}');
      await k.ok('wait pod/bare --for=condition=Ready --timeout=30s');
      expect(await k.fails('drain node-1 --pod-selector=run=bare')).toContain(
        'cannot delete Pods that declare no controller',
      );
      const drained = await k.run('drain node-1 --force --ignore-daemonsets --delete-emptydir-data --timeout=30s');
      expect(drained).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/pod\/bare evicted\n[^]*node\/node-1 drained\n$/),
      });
      expect(await k.ok('get pods -A --field-selector spec.nodeName=node-1 -o name')).toBe('');
      await settled();
    } finally {
      expect(await k.ok('uncordon node-1')).toBe('node/node-1 uncordoned\n');
    }
    expect(await k.fails('drain nope')).toBe('Error from server (NotFound): nodes "nope" not found\n');
  });

  it('are drained only as far as disruption budgets allow', async () => {
    await web(1);
    await k.ok('create poddisruptionbudget web --selector=app=web --min-available=1');
    await k.ok('wait pdb/web --for=jsonpath={.status.currentHealthy}=1 --timeout=10s');
    expect(rows(await k.ok('get pdb'))).toMatchObject([
      { NAME: 'web', 'MIN AVAILABLE': '1', 'MAX UNAVAILABLE': 'N/A', 'ALLOWED DISRUPTIONS': '0' },
    ]);
    const node = await k.ok('get pods -l app=web -o jsonpath={.items[0].spec.nodeName}');
    try {
      const stderr = await k.fails(`drain ${node} --timeout=2s --pod-selector=app=web`);
      expect(stderr).toMatch(
        /error when evicting pods\/"web-\S+" -n "\S+" \(will retry after 5s\): Cannot evict pod as it would violate the pod's disruption budget\./,
      );
    } finally {
      await k.ok(`uncordon ${node}`);
    }
  });

  it('are tainted', async () => {
    expect(await k.ok('taint nodes node-2 dedicated=db:NoSchedule')).toBe('node/node-2 tainted\n');
    try {
      expect(await k.fails('taint nodes node-2 dedicated=db:NoSchedule')).toBe(
        'error: node node-2 already has dedicated taint(s) with same effect(s) and --overwrite is false\n',
      );
      await web(4);
      expect((await k.ok('get pods -o jsonpath={.items[*].spec.nodeName}')).split(' ')).not.toContain('node-2');
    } finally {
      expect(await k.ok('taint nodes node-2 dedicated-')).toBe('node/node-2 untainted\n');
    }
    expect(await k.fails('taint nodes node-2 dedicated-')).toBe('error: taint "dedicated" not found\n');
    // NoExecute: what does not tolerate it goes.
    await k.ok(
      'run stays --image=busybox --overrides={"spec":{"nodeName":"node-3","tolerations":[{"operator":"Exists"}]}}',
    );
    await k.ok('run goes --image=busybox --overrides={"spec":{"nodeName":"node-3"}}');
    await k.ok('wait pod/stays pod/goes --for=condition=Ready --timeout=30s');
    await k.ok('taint nodes node-3 broken=yes:NoExecute');
    try {
      await k.ok('wait pod/goes --for=delete --timeout=30s');
      expect(await k.ok('get pod stays -o jsonpath={.status.phase}')).toBe('Running');
    } finally {
      await k.ok('taint nodes node-3 broken-');
    }
  });
});
