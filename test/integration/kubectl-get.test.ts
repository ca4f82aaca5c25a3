import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Kubectl, lacking } from '../builders/kubectl.ts';
import { type RunningCluster, startRunningCluster } from '../builders/running-cluster.ts';
import { head, rows } from '../builders/tables.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** What a newcomer reads with kubectl: get in all its outputs, describe, explain, events and discovery. */
const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web, tier: front}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: nginx, image: 'nginx:1.25', ports: [{name: http, containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data: {colour: blue, size: "3"}
---
apiVersion: v1
kind: Secret
metadata: {name: hidden}
stringData: {password: swordfish}
---
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: other}
`;

const unable = lacking('kubectl');
let cluster: RunningCluster;
let k: Kubectl;
beforeAll(async () => {
  if (unable) return;
  cluster = await startRunningCluster({ nodes: 3 });
  k = cluster.kubectl();
  await k.apply(manifest);
  await k.ok('rollout status deployment/web --timeout=30s');
}, 90_000);
afterAll(async () => {
  await cluster?.stop();
});
beforeEach((context) => context.skip(unable !== undefined, unable));

describe('get', () => {
  it('shows tables with the columns of each kind', async () => {
    const columns: Record<string, string[]> = {
      nodes: ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION'],
      namespaces: ['NAME', 'STATUS', 'AGE'],
      deployments: ['NAME', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE'],
      replicasets: ['NAME', 'DESIRED', 'CURRENT', 'READY', 'AGE'],
      pods: ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE'],
      services: ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE'],
      endpointslices: ['NAME', 'ADDRESSTYPE', 'PORTS', 'ENDPOINTS', 'AGE'],
      configmaps: ['NAME', 'DATA', 'AGE'],
      secrets: ['NAME', 'TYPE', 'DATA', 'AGE'],
      serviceaccounts: ['NAME', 'AGE'],
      events: ['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'],
      clusterroles: ['NAME', 'CREATED AT'],
      priorityclasses: ['NAME', 'VALUE', 'GLOBAL-DEFAULT', 'AGE', 'PREEMPTIONPOLICY'],
      'leases -A': ['NAMESPACE', 'NAME', 'HOLDER', 'AGE'],
    };
    const seen: Record<string, string[]> = {};
    for (const what of Object.keys(columns)) seen[what] = head(await k.ok(`get ${what}`));
    expect(seen).toEqual(columns);
  });

  it('shows what the pods of a Deployment are doing', async () => {
    const pods = rows(await k.ok('get pods -o wide'));
    expect(pods).toHaveLength(3);
    for (const pod of pods)
      expect(pod).toMatchObject({
        READY: '1/1',
        STATUS: 'Running',
        RESTARTS: '0',
        NODE: expect.stringMatching(/^node-[123]$/),
        'NOMINATED NODE': '<none>',
        'READINESS GATES': '<none>',
      });
    expect(new Set(pods.map((pod) => pod['IP'])).size).toBe(3);
    expect(new Set(pods.map((pod) => pod['NODE'])).size).toBe(3);
    expect(rows(await k.ok('get deploy web -o wide'))).toMatchObject([
      {
        NAME: 'web',
        READY: '3/3',
        'UP-TO-DATE': '3',
        AVAILABLE: '3',
        CONTAINERS: 'nginx',
        IMAGES: 'nginx:1.25',
        SELECTOR: 'app=web',
      },
    ]);
    expect(rows(await k.ok('get rs'))).toMatchObject([{ DESIRED: '3', CURRENT: '3', READY: '3' }]);
  });

  it('shows nodes that are ready', async () => {
    const nodes = rows(await k.ok('get nodes'));
    expect(nodes.map((node) => [node['NAME'], node['STATUS'], node['ROLES']])).toEqual(
      [1, 2, 3].map((n) => [`node-${n}`, 'Ready', '<none>']),
    );
    expect(nodes[0]?.['VERSION']).toMatch(/^v1\.36\./);
  });

  it('gives every output form', async () => {
    expect(await k.ok('get configmap settings -o name')).toBe('configmap/settings\n');
    expect(JSON.parse(await k.ok('get configmap settings -o json'))).toMatchObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings', namespace: 'default' },
      data: { colour: 'blue', size: '3' },
    });
    expect(await k.ok('get configmap settings -o yaml')).toContain(
      'apiVersion: v1\ndata:\n  colour: blue\n  size: "3"\nkind: ConfigMap\nmetadata:\n',
    );
    expect(await k.ok(['get', 'configmap', 'settings', '-o', 'jsonpath={.data.colour}'])).toBe('blue');
    expect(await k.ok(['get', 'configmap', 'settings', '-o', 'go-template={{.data.size}}'])).toBe('3');
    expect(await k.ok('get configmap settings -o custom-columns=N:.metadata.name,C:.data.colour')).toBe(
      'N          C\nsettings   blue\n',
    );
    expect(await k.ok('get configmap settings --no-headers -o custom-columns=C:.data.colour')).toBe('blue\n');
    expect(await k.ok('get configmap settings --show-managed-fields -o yaml')).toContain(
      'manager: kubectl-client-side-apply',
    );
    expect(JSON.parse(await k.ok('get deploy,svc -o json'))).toMatchObject({
      kind: 'List',
      metadata: { resourceVersion: '' },
    });
  });

  it('selects by label, by field, by name and across namespaces', async () => {
    expect(await k.ok('get pods -l app=web,pod-template-hash -o name')).toMatch(
      /^(pod\/web-[a-z0-9]+-[a-z0-9]{5}\n){3}$/,
    );
    expect(await k.ok(['get', 'cm', '-l', 'app in (web, api),!nope', '-o', 'name'])).toBe('configmap/settings\n');
    expect(await k.ok('get pods --field-selector status.phase=Running,spec.nodeName=node-2 -o name')).toMatch(
      /^pod\/web-\S+\n$/,
    );
    expect(
      await k.ok(
        'get cm -A --field-selector metadata.name=settings -o custom-columns=:.metadata.namespace --no-headers',
      ),
    ).toBe('default\nother\n');
    expect(
      rows(await k.ok('get cm -A --field-selector metadata.name=settings')).map((row) => row['NAMESPACE']),
    ).toEqual(['default', 'other']);
    expect(await k.ok('get deploy/web svc/web -o name')).toBe('deployment.apps/web\nservice/web\n');
    expect(rows(await k.ok('get cm settings -L app --show-labels'))).toMatchObject([{ APP: 'web', LABELS: 'app=web' }]);
    const all = await k.ok('get all -o name');
    for (const kind of ['pod/web-', 'service/web', 'service/kubernetes', 'deployment.apps/web', 'replicaset.apps/web-'])
      expect(all).toContain(kind);
  });

  it('sorts, and pages through long lists', async () => {
    const names = async (words: string): Promise<string[]> =>
      (await k.ok(`${words} -o custom-columns=:.metadata.name --no-headers`)).trim().split('\n');
    expect(await names('get nodes --sort-by={.metadata.name}')).toEqual(['node-1', 'node-2', 'node-3']);
    const roles = await names('get clusterroles --chunk-size=7');
    expect(roles.length).toBeGreaterThan(50);
    expect(roles).toEqual(await names('get clusterroles --chunk-size=0'));
    expect(roles.toSorted()).toEqual(await names('get clusterroles --sort-by={.metadata.name}'));
    expect(await names('get events --sort-by=.lastTimestamp')).not.toHaveLength(0);
  });

  it("says what is not there, with upstream's words and exit codes", async () => {
    const empty = await k.run('get jobs');
    expect(empty).toEqual({ code: 0, stdout: '', stderr: 'No resources found in default namespace.\n' });
    expect(await k.fails('get pod nope')).toBe('Error from server (NotFound): pods "nope" not found\n');
    expect(await k.fails('get deploy nope -n other')).toBe(
      'Error from server (NotFound): deployments.apps "nope" not found\n',
    );
    expect(await k.fails('get widgets')).toBe('error: the server doesn\'t have a resource type "widgets"\n');
    expect(await k.fails('get pods --field-selector spec.colour=red')).toContain(
      'field label not supported: spec.colour',
    );
    expect(await k.fails(['get', 'pods', '-l', 'a in b'])).toContain('unable to parse requirement');
    expect(await k.fails('get --raw /nope')).toBe(
      'Error from server (NotFound): the server could not find the requested resource\n',
    );
    expect(await k.run('get pod nope --ignore-not-found')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('watches', async () => {
    const { file, args, env } = k.command(
      'get configmaps -l watched=yes -w -o custom-columns=:.metadata.name,:.data.count --no-headers',
    );
    const watch = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let seen = '';
    watch.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text.replace(/ +/g, ' ')));
    const until = (text: string): Promise<unknown> => expect.poll(() => seen, { timeout: 20_000 }).toBe(text);
    try {
      const one = (n: number, labels = '{watched: "yes"}'): string =>
        `{apiVersion: v1, kind: ConfigMap, metadata: {name: seen, labels: ${labels}}, data: {count: "${n}"}}`;
      await k.apply(one(1));
      await until('seen 1\n');
      await k.apply(one(2));
      await until('seen 1\nseen 2\n');
      // Out of the selection: the watch tells a deletion, which kubectl prints as the object's last state.
      await k.apply(one(3, '{watched: "no"}'));
      await expect.poll(() => seen.split('\n').length, { timeout: 20_000 }).toBe(4);
      await k.apply(one(4));
      await expect.poll(() => seen, { timeout: 20_000 }).toMatch(/seen 4\n$/);
    } finally {
      watch.kill('SIGINT');
      await once(watch, 'exit');
    }
  });
});

describe('describe', () => {
  it('tells of a Deployment with its conditions, sets and events', async () => {
    const text = await k.ok('describe deployment web');
    expect(text).toMatch(/^Name: +web\nNamespace: +default\n/);
    expect(text).toMatch(/Replicas: +3 desired \| 3 updated \| 3 total \| 3 available \| 0 unavailable\n/);
    expect(text).toMatch(/StrategyType: +RollingUpdate\n/);
    expect(text).toMatch(/RollingUpdateStrategy: +25% max unavailable, 25% max surge\n/);
    expect(text).toMatch(
      / {2}Available +True +MinimumReplicasAvailable\n {2}Progressing +True +NewReplicaSetAvailable\n/,
    );
    expect(text).toMatch(/NewReplicaSet: +web-[a-z0-9]+ \(3\/3 replicas created\)\n/);
    expect(text).toMatch(
      /Normal +ScalingReplicaSet +\S+ +deployment-controller +Scaled up replica set web-[a-z0-9]+ from 0 to 3/,
    );
  });

  it('tells of pods with their containers, volumes and events', async () => {
    const [name] = rows(await k.ok('get pods -l app=web')).map((row) => row['NAME']);
    const text = await k.ok(`describe pod ${name}`);
    expect(text).toMatch(/Controlled By: +ReplicaSet\/web-/);
    expect(text).toMatch(/ {4}State: +Running\n {6}Started: /);
    expect(text).toMatch(/ {4}Image: +nginx:1\.25\n/);
    expect(text).toMatch(/QoS Class: +BestEffort\n/);
    expect(text).toMatch(/\/var\/run\/secrets\/kubernetes\.io\/serviceaccount from kube-api-access-\w+ \(ro\)/);
    expect(text).toMatch(/Tolerations: +node\.kubernetes\.io\/not-ready:NoExecute op=Exists for 300s\n/);
    expect(text).toMatch(
      /Normal +Scheduled +\S+ +default-scheduler +Successfully assigned default\/web-\S+ to node-\d\n/,
    );
    for (const reason of ['Pulled', 'Created', 'Started'])
      expect(text).toMatch(new RegExp(`Normal +${reason} +\\S+ +kubelet `));
  });

  it('tells of the other kinds', async () => {
    const service = await k.ok('describe service web');
    expect(service).toMatch(/TargetPort: +http\/TCP\nEndpoints: +\d+(\.\d+){3}:80,\d+(\.\d+){3}:80,\d+(\.\d+){3}:80\n/);
    expect(service).toMatch(/IP: +10\.96\.\d+\.\d+\n/);
    expect(await k.ok('describe service kubernetes')).toMatch(/IP: +10\.96\.0\.1\n/);
    const node = await k.ok('describe node node-1');
    expect(node).toMatch(/Ready +True .*KubeletReady +kubelet is posting ready status/);
    expect(node).toMatch(/Non-terminated Pods: +\(1 in total\)/);
    expect(node).toMatch(/Allocated resources:/);
    expect(await k.ok('describe configmap settings')).toContain('colour:\n----\nblue\n');
    expect(await k.ok('describe secret hidden')).toMatch(/Type: +Opaque\n\nData\n====\npassword: +9 bytes\n/);
    expect(await k.ok('describe namespace default')).toMatch(
      /Status: +Active\n\nNo resource quota\.\n\nNo LimitRange resource\.\n/,
    );
    expect(await k.ok('describe replicaset')).toMatch(
      /Pods Status: +3 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed\n/,
    );
    expect(await k.ok('describe serviceaccount default')).toMatch(/^Name: +default\n/);
    expect(await k.ok('describe clusterrole view')).toContain('PolicyRule:\n');
    expect(await k.ok('describe endpointslice')).toMatch(/AddressType: +IPv4\n/);
    expect(await k.fails('describe pod nope')).toBe('Error from server (NotFound): pods "nope" not found\n');
  });
});

describe('discovery', () => {
  it('explains kinds and fields', async () => {
    expect(await k.ok('explain deployment.spec.replicas')).toMatch(
      /^GROUP: +apps\nKIND: +Deployment\nVERSION: +v1\n\nFIELD: replicas <integer>\n/,
    );
    expect(await k.ok('explain pod --recursive')).toMatch(
      /\n {2}spec\t<PodSpec>[^]*\n {4}containers\t<\[\]Container> -required-\n/,
    );
    expect(await k.ok('explain pods --output=plaintext-openapiv2')).toMatch(/^KIND: +Pod\nVERSION: +v1\n/);
    expect(await k.fails('explain pod.spec.nope')).toBe('error: field "nope" does not exist\n');
  });

  it('lists resources and versions', async () => {
    expect(
      rows(await k.ok('api-resources --api-group=apps')).map((row) => [row['NAME'], row['SHORTNAMES'], row['KIND']]),
    ).toEqual([
      ['controllerrevisions', '', 'ControllerRevision'],
      ['daemonsets', 'ds', 'DaemonSet'],
      ['deployments', 'deploy', 'Deployment'],
      ['replicasets', 'rs', 'ReplicaSet'],
      ['statefulsets', 'sts', 'StatefulSet'],
    ]);
    expect(await k.ok('api-resources --verbs=create --namespaced=false -o name')).toContain('namespaces\n');
    const versions = (await k.ok('api-versions')).trim().split('\n');
    for (const version of [
      'v1',
      'apps/v1',
      'autoscaling/v1',
      'autoscaling/v2',
      'batch/v1',
      'rbac.authorization.k8s.io/v1',
    ])
      expect(versions).toContain(version);
    // Beta is off unless it is asked for.
    expect(versions.filter((version) => /alpha|beta/.test(version))).toEqual([]);
  });

  it('tells versions, addresses and health', async () => {
    expect(JSON.parse(await k.ok('version -o json'))).toMatchObject({
      serverVersion: { major: '1', minor: '36', gitVersion: expect.stringMatching(/^v1\.36\./) },
    });
    expect(await k.ok('cluster-info')).toContain(`Kubernetes control plane is running at ${cluster.url}`);
    expect(await k.ok('cluster-info dump')).toContain('"kind": "NodeList"');
    expect(await k.ok('get --raw /livez')).toBe('ok');
    expect(await k.ok('get --raw /readyz?verbose')).toMatch(/^\[\+\]ping ok\n[^]*readyz check passed\n$/);
    expect(JSON.parse(await k.ok('get --raw /version'))).toMatchObject({ minor: '36' });
    expect(await k.ok('get --raw /metrics')).toMatch(/^# HELP /m);
  });

  it('shows events', async () => {
    expect(head(await k.ok('events'))).toEqual(['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']);
    expect(await k.ok('events --for deployment/web')).toMatch(
      /ScalingReplicaSet +Deployment\/web +Scaled up replica set web-\w+ from 0 to 3\n/,
    );
    expect(await k.ok('events --types=Warning')).toBe('');
    expect(
      await k.ok('get events --field-selector reason=ScalingReplicaSet,involvedObject.kind=Deployment -o name'),
    ).toMatch(/^event\/web\.\w+\n$/);
  });

  it('refuses metrics, which it does not have', async () => {
    expect(await k.fails('top pods')).toBe('error: Metrics API not available\n');
    expect(await k.fails('top nodes')).toBe('error: Metrics API not available\n');
  });
});
