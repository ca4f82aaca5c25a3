import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Kubectl, lacking } from '../builders/kubectl.ts';
import { type RunningCluster, startRunningCluster } from '../builders/running-cluster.ts';
import { rows } from '../builders/tables.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** kubectl with the kinds beyond Deployments, with custom ones, and its rarer verbs. */
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
  const namespace = `kinds-${(count += 1)}`;
  await cluster.kubectl().ok(`create namespace ${namespace}`);
  k = cluster.kubectl({ args: ['-n', namespace] });
});
const input = (text: string): { input: string } => ({ input: text });

describe('workloads', () => {
  it('StatefulSets roll out in their order, and back', async () => {
    await k.apply(
      '{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}}',
    );
    await k.apply(
      '{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: db, replicas: 3, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: "db:1"}]}}}}',
    );
    expect(await k.ok('rollout status statefulset/db --timeout=30s')).toMatch(
      /(partitioned roll out complete: 3 new pods have been updated|statefulset rolling update complete 3 pods at revision db-\w+)\.\.\.\n$/,
    );
    expect(rows(await k.ok('get statefulset db -o wide'))).toMatchObject([
      { NAME: 'db', READY: '3/3', CONTAINERS: 'c', IMAGES: 'db:1' },
    ]);
    expect(await k.ok('get pods -o name')).toBe('pod/db-0\npod/db-1\npod/db-2\n');
    await k.ok('set image statefulset/db c=db:2');
    await k.ok('rollout status statefulset/db --timeout=30s');
    expect(await k.ok('get pods -o jsonpath={.items[*].spec.containers[*].image}')).toBe('db:2 db:2 db:2');
    expect(await k.ok('rollout history statefulset/db')).toMatch(/\n1 +<none>\n2 +<none>\n/);
    expect(await k.ok('rollout undo statefulset/db')).toBe('statefulset.apps/db rolled back\n');
    await k.ok('rollout status statefulset/db --timeout=30s');
    expect(await k.ok('get pods -o jsonpath={.items[*].spec.containers[*].image}')).toBe('db:1 db:1 db:1');
    expect(await k.ok('scale statefulset db --replicas=1')).toBe('statefulset.apps/db scaled\n');
    await k.ok('wait pod/db-2 pod/db-1 --for=delete --timeout=30s');
    expect(await k.ok('describe statefulset db')).toMatch(/Replicas: +1 desired \| [12] total\n/);
    expect(
      await k.ok('get endpointslices -l kubernetes.io/service-name=db -o jsonpath={.items[*].endpoints[*].hostname}'),
    ).toContain('db-0');
  });

  it('DaemonSets have a pod on each node', async () => {
    await k.apply(
      '{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: c, image: "agent:1"}]}}}}',
    );
    expect(await k.ok('rollout status daemonset/agent --timeout=30s')).toMatch(
      /daemon set "agent" successfully rolled out\n$/,
    );
    expect(rows(await k.ok('get daemonset agent'))).toMatchObject([
      { DESIRED: '3', CURRENT: '3', READY: '3', 'UP-TO-DATE': '3', AVAILABLE: '3', 'NODE SELECTOR': '<none>' },
    ]);
    expect((await k.ok('get pods -o jsonpath={.items[*].spec.nodeName}')).split(' ').toSorted()).toEqual([
      'node-1',
      'node-2',
      'node-3',
    ]);
    await k.ok('set image daemonset/agent c=agent:2');
    await k.ok('rollout status daemonset/agent --timeout=30s');
    expect(await k.ok('rollout undo daemonset/agent')).toBe('daemonset.apps/agent rolled back\n');
    await k.ok('rollout status daemonset/agent --timeout=30s');
    expect(await k.fails('drain node-1 --pod-selector=app=agent')).toContain('cannot delete DaemonSet-managed Pods');
    await k.ok('uncordon node-1');
    expect(await k.ok('rollout restart daemonset/agent')).toBe('daemonset.apps/agent restarted\n');
    await k.ok('delete daemonset agent --cascade=foreground --timeout=30s');
    expect(await k.ok('get pods -o name')).toBe('');
  });

  it('CronJobs start jobs by hand, and can be suspended', async () => {
    await k.ok(['create', 'cronjob', 'often', '--image=busybox', '--schedule=*/5 * * * *', '--', 'true']);
    expect(await k.ok('create job now --from=cronjob/often')).toBe('job.batch/now created\n');
    expect(await k.ok('wait job/now --for=condition=Complete --timeout=30s')).toBe('job.batch/now condition met\n');
    expect(await k.ok('get job now -o jsonpath={.metadata.ownerReferences[0].kind}')).toBe('CronJob');
    await k.ok(['patch', 'cronjob', 'often', '-p', '{"spec":{"suspend":true}}']);
    expect(rows(await k.ok('get cronjob often'))).toMatchObject([{ SUSPEND: 'True', SCHEDULE: '*/5 * * * *' }]);
    await k.ok('delete cronjob often --cascade=foreground --timeout=30s');
    expect(await k.ok('get jobs,pods -o name')).toBe('');
    expect(await k.fails('create cronjob bad --image=x --schedule=never')).toMatch(
      /CronJob\.batch "bad" is invalid: spec\.schedule: Invalid value: "never": /,
    );
  });
});

describe('custom resources', () => {
  const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
        scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}
      additionalPrinterColumns:
        - {name: Size, type: integer, jsonPath: .spec.size}
        - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [colour]
              properties:
                size: {type: integer, default: 1, maximum: 9}
                colour: {type: string, enum: [red, blue]}
            status:
              type: object
              properties: {size: {type: integer}}
`;
  const widget = (spec: string): string =>
    `{apiVersion: example.com/v1, kind: Widget, metadata: {name: one}, spec: ${spec}}`;

  it('are used like any other kind', async () => {
    expect(await k.apply(definition)).toBe(
      'customresourcedefinition.apiextensions.k8s.io/widgets.example.com created\n',
    );
    expect(await k.ok('wait crd/widgets.example.com --for=condition=Established --timeout=20s')).toContain(
      'condition met',
    );
    expect(await k.apply(widget('{colour: red}'))).toBe('widget.example.com/one created\n');
    expect(rows(await k.ok('get widgets'))).toMatchObject([{ NAME: 'one', SIZE: '1' }]);
    expect(await k.ok('get wd -o name')).toBe('widget.example.com/one\n');
    expect(await k.ok('get all -o name')).toContain('widget.example.com/one');
    expect(await k.apply(widget('{colour: blue}'))).toBe('widget.example.com/one configured\n');
    expect(await k.ok('scale widget one --replicas=5')).toBe('widget.example.com/one scaled\n');
    expect(await k.ok(['patch', 'widget', 'one', '--type=merge', '-p', '{"spec":{"size":7}}'])).toBe(
      'widget.example.com/one patched\n',
    );
    expect(await k.ok('get widget one -o jsonpath={.spec}')).toBe('{"colour":"blue","size":7}');
    expect(await k.fails(['patch', 'widget', 'one', '--type=strategic', '-p', '{}'])).toContain(
      'application/strategic-merge-patch+json is not supported by example.com/v1, Kind=Widget',
    );
    expect(await k.fails('apply -f -', 1, input(widget('{colour: green}')))).toContain(
      'spec.colour: Unsupported value: "green": supported values: "red", "blue"',
    );
    expect(await k.fails('apply -f -', 1, input(widget('{colour: red, weight: 1}')))).toContain(
      'unknown field "spec.weight"',
    );
    expect(await k.ok('explain widget.spec.size')).toMatch(/KIND: +Widget\nVERSION: +v1\n\nFIELD: size <integer>\n/);
    expect(await k.ok('describe widget one')).toMatch(/Kind: +Widget\n/);
    expect(await k.apply(widget('{colour: red}'), '--server-side', '--force-conflicts')).toBe(
      'widget.example.com/one serverside-applied\n',
    );
    expect(await cluster.kubectl().ok('delete crd widgets.example.com --timeout=30s')).toContain('deleted');
    await expect
      .poll(async () => (await k.run('get widgets')).stderr, { timeout: 20_000 })
      .toMatch(/the server doesn't have a resource type "widgets"|could not find the requested resource/);
  });
});

describe('rarer verbs', () => {
  it('set selector, serviceaccount and subject', async () => {
    await k.ok('create deployment web --image=nginx');
    await k.ok('create service clusterip web --tcp=80');
    expect(await k.ok('set selector service web app=other')).toBe('service/web selector updated\n');
    expect(await k.ok('set serviceaccount deployment web default')).toBe(
      'deployment.apps/web serviceaccount updated\n',
    );
    await k.ok('create rolebinding b --clusterrole=view --user=ann');
    expect(await k.ok('set subject rolebinding b --user=bob')).toBe(
      'rolebinding.rbac.authorization.k8s.io/b subjects updated\n',
    );
    expect(await k.ok('get rolebinding b -o jsonpath={.subjects[*].name}')).toBe('ann bob');
  });

  it('apply -k', async () => {
    const folder = join(cluster.dataDir, 'kustomize');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      'namePrefix: my-\nconfigMapGenerator: [{name: settings, literals: [a=b]}]\n',
    );
    expect(await k.ok(`apply -k ${folder}`)).toMatch(/^configmap\/my-settings-\w+ created\n$/);
    expect(await k.ok(`delete -k ${folder}`)).toMatch(/^configmap "my-settings-\w+" deleted/);
  });

  it('debug adds a container to a pod that runs', async () => {
    await k.ok('run web --image=nginx');
    await k.ok('wait pod/web --for=condition=Ready --timeout=30s');
    expect(await k.ok('debug web --image=busybox --container=look --attach=false')).toBe('');
    expect(await k.ok('get pod web -o jsonpath={.spec.ephemeralContainers[*].name}')).toBe('look');
    expect(await k.ok('debug web --image=busybox --copy-to=copy --attach=false')).toContain('');
    expect(await k.ok('get pod copy -o jsonpath={.spec.containers[*].name}')).toMatch(/^web debugger-\w+$/);
  });

  it('certificate approve and deny', async () => {
    const request = (name: string): string =>
      `{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: {name: ${name}}, spec: {signerName: example.com/mine, usages: [client auth], request: ${csr}}}`;
    await k.apply(request('good'));
    await k.apply(request('bad'));
    expect(rows(await k.ok('get csr good'))).toMatchObject([
      { SIGNERNAME: 'example.com/mine', REQUESTOR: 'kubernetes-admin', CONDITION: 'Pending' },
    ]);
    expect(await k.ok('certificate approve good')).toBe(
      'certificatesigningrequest.certificates.k8s.io/good approved\n',
    );
    expect(await k.ok('certificate deny bad')).toBe('certificatesigningrequest.certificates.k8s.io/bad denied\n');
    expect(rows(await k.ok('get csr')).map((row) => row['CONDITION'])).toEqual(['Denied', 'Approved']);
  });

  it('proxy', async () => {
    const { file, args, env } = k.command('proxy --port=0');
    const proxy = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      let said = '';
      proxy.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
      await expect.poll(() => said, { timeout: 20_000 }).toMatch(/Starting to serve on 127\.0\.0\.1:\d+/);
      const port = /:(\d+)/.exec(said)?.[1];
      const version = (await (await fetch(`http://127.0.0.1:${port}/version`)).json()) as { minor: string };
      expect(version.minor).toBe('36');
    } finally {
      proxy.kill('SIGINT');
      await once(proxy, 'exit');
    }
  });

  it('what has gone is told as gone', async () => {
    // Of an earlier life of the data.
    expect(
      await k.fails(['get', '--raw', '/api/v1/configmaps?resourceVersion=1000000000000001&resourceVersionMatch=Exact']),
    ).toMatch(/^Error from server \(Expired\): The resourceVersion for the provided list is too old\.\n$/);
    const page = JSON.parse(await k.ok(['get', '--raw', '/api/v1/namespaces/kube-system/serviceaccounts?limit=1'])) as {
      metadata: { continue: string };
    };
    expect(page.metadata.continue).not.toBe('');
    expect(
      await k.fails(['get', '--raw', '/api/v1/namespaces/kube-system/serviceaccounts?limit=1&continue=nonsense']),
    ).toContain(
      'Error from server (BadRequest): invalid continue token: continue key is not valid: invalid character ',
    );
  });
});

/** A certificate request for the name `test`: openssl req -new -newkey ec …, in base64. */
const csr = Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----
MIHIMHECAQAwDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABDFIXhj3N6fJzdhp0f9G3J84q4jSkdS46Kqz4dq/V8PGDnelahRtbDbny2eT
qVPK0vCJCUEoQrkT+hCJRwtiLqGgADAKBggqhkjOPQQDAgNHADBEAiBaBRl/67RK
5BDsVqUUAyHn/LZ8iuF3xGHjlDf3Sny4bAIgNR8BqgU3E3/yACT6ieRurXFeZxRu
HR49jkqwu6zl138=
-----END CERTIFICATE REQUEST-----
`).toString('base64');
