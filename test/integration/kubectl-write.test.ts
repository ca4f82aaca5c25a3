import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Kubectl, lacking } from '../builders/kubectl.ts';
import { type RunningCluster, startRunningCluster } from '../builders/running-cluster.ts';
import { rows } from '../builders/tables.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** How kubectl changes objects: create, apply, diff, replace, edit, patch, label, annotate, delete; a namespace for each test. */
const unable = lacking('kubectl');
let cluster: RunningCluster;
let k: Kubectl;
let count = 0;
beforeAll(async () => {
  if (!unable) cluster = await startRunningCluster();
}, 90_000);
afterAll(async () => {
  await cluster?.stop();
});
beforeEach(async (context) => {
  context.skip(unable !== undefined, unable);
  const namespace = `write-${(count += 1)}`;
  await cluster.kubectl().ok(`create namespace ${namespace}`);
  k = cluster.kubectl({ args: ['-n', namespace] });
});

const settings = (data: Record<string, string>, name = 'settings'): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { app: 'web' } }, data });
const data = async (name = 'settings'): Promise<unknown> =>
  (JSON.parse(await k.ok(`get configmap ${name} -o json`)) as { data?: unknown }).data;
const input = (text: string): { input: string } => ({ input: text });

describe('create', () => {
  it('makes each kind that kubectl has a generator for', async () => {
    const words: [string | string[], string][] = [
      ['create deployment web --image=nginx --replicas=0', 'deployment.apps/web created'],
      ['create configmap c --from-literal=a=b', 'configmap/c created'],
      ['create secret generic s --from-literal=a=b', 'secret/s created'],
      ['create secret docker-registry r --docker-server=x --docker-username=u --docker-password=p', 'secret/r created'],
      ['create serviceaccount bot', 'serviceaccount/bot created'],
      [
        'create role reader --verb=get,list --resource=pods,deployments.apps',
        'role.rbac.authorization.k8s.io/reader created',
      ],
      [
        'create rolebinding readers --role=reader --serviceaccount=default:bot',
        'rolebinding.rbac.authorization.k8s.io/readers created',
      ],
      ['create job once --image=busybox -- true', 'job.batch/once created'],
      [
        ['create', 'cronjob', 'often', '--image=busybox', '--schedule=*/5 * * * *', '--', 'true'],
        'cronjob.batch/often created',
      ],
      ['create job now --from=cronjob/often', 'job.batch/now created'],
      ['create service clusterip inner --tcp=80:8080', 'service/inner created'],
      ['create service nodeport outer --tcp=80:8080', 'service/outer created'],
      ['create service loadbalancer front --tcp=80:8080', 'service/front created'],
      ['create service externalname alias --external-name=example.com', 'service/alias created'],
      ['create ingress web --rule=example.com/*=inner:80', 'ingress.networking.k8s.io/web created'],
      ['create poddisruptionbudget web --selector=app=web --min-available=1', 'poddisruptionbudget.policy/web created'],
      ['create quota small --hard=configmaps=10', 'resourcequota/small created'],
    ];
    for (const [command, said] of words) expect(await k.ok(command)).toBe(`${said}\n`);
    expect(rows(await k.ok('get services')).map((row) => [row['NAME'], row['TYPE']])).toEqual([
      ['alias', 'ExternalName'],
      ['front', 'LoadBalancer'],
      ['inner', 'ClusterIP'],
      ['outer', 'NodePort'],
    ]);
    expect(rows(await k.ok('get ingress'))).toMatchObject([
      { NAME: 'web', CLASS: '<none>', HOSTS: 'example.com', PORTS: '80' },
    ]);
    expect(rows(await k.ok('get cronjobs'))).toMatchObject([
      { NAME: 'often', SCHEDULE: '*/5 * * * *', SUSPEND: 'False', ACTIVE: '0' },
    ]);
  });

  it('of files with several objects, JSON and YAML, and generated names', async () => {
    const both = `${settings({ a: '1' }, 'one')}\n---\n${settings({ a: '1' }, 'two')}`;
    expect(await k.ok('create -f -', input(both))).toBe('configmap/one created\nconfigmap/two created\n');
    expect(
      await k.ok('create -f -', input('{apiVersion: v1, kind: ConfigMap, metadata: {generateName: made-}}')),
    ).toMatch(/^configmap\/made-[a-z0-9]{5} created\n$/);
    expect(await k.ok('create -f - -o yaml', input(settings({ a: 'yes' })))).toContain('\n  a: "yes"\n');
  });

  it('dry runs change nothing', async () => {
    expect(await k.ok('create deployment web --image=nginx --dry-run=server')).toBe(
      'deployment.apps/web created (server dry run)\n',
    );
    expect(
      await k.ok('create deployment web --image=nginx --dry-run=server -o jsonpath={.spec.progressDeadlineSeconds}'),
    ).toBe('600');
    expect(await k.ok('create deployment web --image=nginx --dry-run=client')).toBe(
      'deployment.apps/web created (dry run)\n',
    );
    expect(await k.fails('get deployment web')).toContain('(NotFound)');
  });

  it('refuses what is there, what is invalid and what is not known', async () => {
    await k.ok('create -f -', input(settings({ a: '1' })));
    expect(await k.fails('create -f -', 1, input(settings({ a: '1' })))).toBe(
      'Error from server (AlreadyExists): error when creating "STDIN": configmaps "settings" already exists\n',
    );
    expect(await k.fails('create configmap settings')).toBe(
      'error: failed to create configmap: configmaps "settings" already exists\n',
    );
    expect(await k.fails('create configmap Settings')).toContain(
      `error: failed to create configmap: ConfigMap "Settings" is invalid: metadata.name: Invalid value: "Settings": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
    );
    expect(
      await k.fails(
        'create -f -',
        1,
        input(
          '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}], colour: red}}',
        ),
      ),
    ).toBe(
      'Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.colour"\n',
    );
    expect(
      await k.fails(
        'create -f -',
        1,
        input('{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: "C!"}]}}'),
      ),
    ).toMatch(
      /^The Pod "p" is invalid: \n\* spec\.containers\[0\]\.name: Invalid value: "C!": a lowercase RFC 1123 label must [^\n]*\n\* spec\.containers\[0\]\.image: Required value\n$/,
    );
    expect(await k.fails('create -f -', 1, input('{apiVersion: apps/v9, kind: Deployment, metadata: {name: p}}'))).toBe(
      'error: resource mapping not found for name: "p" namespace: "" from "STDIN": no matches for kind "Deployment" in version "apps/v9"\nensure CRDs are installed first\n',
    );
    const warned = await k.run(
      'create --validate=warn -f -',
      input('{apiVersion: v1, kind: ConfigMap, metadata: {name: w}, dat: {}}'),
    );
    expect(warned).toEqual({ code: 0, stdout: 'configmap/w created\n', stderr: 'Warning: unknown field "dat"\n' });
    expect(
      (
        await k.run(
          'create --validate=ignore -f -',
          input('{apiVersion: v1, kind: ConfigMap, metadata: {name: i}, dat: {}}'),
        )
      ).stderr,
    ).toBe('');
    expect(await k.fails('create -f - -n nowhere', 1, input(settings({})))).toContain('namespaces "nowhere" not found');
  });
});

describe('apply', () => {
  it('creates, leaves alone, changes and removes', async () => {
    expect(await k.apply(settings({ a: '1', b: '1' }))).toBe('configmap/settings created\n');
    expect(await k.apply(settings({ a: '1', b: '1' }))).toBe('configmap/settings unchanged\n');
    await k.ok(['patch', 'configmap', 'settings', '--type=merge', '-p', '{"data":{"other":"x"}}']);
    expect(await k.apply(settings({ a: '2' }))).toBe('configmap/settings configured\n');
    expect(await data()).toEqual({ a: '2', other: 'x' });
    expect(await k.ok('apply view-last-applied configmap settings -o json')).toContain('"a": "2"');
  });

  it('merges lists by their keys', async () => {
    const web = (containers: unknown): string =>
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web' },
        spec: {
          replicas: 0,
          selector: { matchLabels: { a: 'b' } },
          template: { metadata: { labels: { a: 'b' } }, spec: { containers } },
        },
      });
    const images = async (): Promise<string> =>
      k.ok(['get', 'deploy', 'web', '-o', 'jsonpath={range .spec.template.spec.containers[*]}{.name}={.image} {end}']);
    await k.apply(
      web([
        { name: 'one', image: 'a:1' },
        { name: 'two', image: 'b:1' },
      ]),
    );
    await k.ok('set image deploy/web one=a:2');
    await k.apply(
      web([
        { name: 'two', image: 'b:2' },
        { name: 'three', image: 'c:1' },
      ]),
    );
    expect(await images()).toBe('two=b:2 three=c:1 ');
  });

  it('shows what it would change', async () => {
    await k.apply(settings({ a: '1' }));
    expect(await k.run('diff -f -', input(settings({ a: '1' })))).toEqual({ code: 0, stdout: '', stderr: '' });
    const differs = await k.run('diff -f -', input(settings({ a: '2' })));
    expect(differs.code).toBe(1);
    expect(differs.stdout).toMatch(/\n-  a: "1"\n\+  a: "2"\n/);
    expect((await k.run('diff --server-side --force-conflicts -f -', input(settings({ a: '3' })))).stdout).toMatch(
      /\n\+  a: "3"\n/,
    );
    expect(await data()).toEqual({ a: '1' });
    expect(await k.ok('apply --dry-run=server -f -', input(settings({ a: '2' })))).toBe(
      'configmap/settings configured (server dry run)\n',
    );
  });

  it('prunes what the manifests name no more', async () => {
    const prune = ['apply', '--prune', '-l', 'app=web', '--prune-allowlist=core/v1/ConfigMap', '-f', '-'];
    expect(await k.ok(prune, input(`${settings({ a: '1' }, 'one')}\n---\n${settings({ a: '1' }, 'two')}`))).toBe(
      'configmap/one created\nconfigmap/two created\n',
    );
    expect(await k.ok(prune, input(settings({ a: '1' }, 'one')))).toBe(
      'configmap/one unchanged\nconfigmap/two pruned\n',
    );
    // By an ApplySet, which needs no list of kinds.
    const set = { input: settings({ a: '1' }, 'three'), env: { KUBECTL_APPLYSET: 'true' } };
    expect(await k.ok('apply --prune --applyset=secret/set -f -', set)).toBe('configmap/three created\n');
    expect(
      await k.ok('apply --prune --applyset=secret/set -f -', { ...set, input: settings({ a: '1' }, 'four') }),
    ).toBe('configmap/four created\nconfigmap/three pruned\n');
  });

  it('on the server keeps apart who manages what', async () => {
    const apply = (manager: string, values: Record<string, string>, ...more: string[]) =>
      k.run(['apply', '--server-side', `--field-manager=${manager}`, '-f', '-', ...more], input(settings(values)));
    expect(await apply('one', { a: '1' })).toMatchObject({
      code: 0,
      stdout: 'configmap/settings serverside-applied\n',
    });
    expect(await apply('two', { b: '1' })).toMatchObject({ code: 0 });
    const conflict = await apply('two', { a: '2' });
    expect(conflict.code).toBe(1);
    expect(conflict.stderr).toMatch(
      /^error: Apply failed with 1 conflict: conflict with "one": \.data\.a\nPlease review the fields above--they currently have other managers\./,
    );
    expect(await apply('two', { a: '2' }, '--force-conflicts')).toMatchObject({ code: 0 });
    // b went, since its only manager names it no more.
    expect(await data()).toEqual({ a: '2' });
    expect(await apply('one', {})).toMatchObject({ code: 0 });
    expect(await data()).toEqual({ a: '2' });
  });

  it('on the server takes over what was applied by the client', async () => {
    await k.apply(settings({ a: '1', b: '1' }));
    expect(await k.run('apply --server-side -f -', input(settings({ a: '2' })))).toEqual({
      code: 0,
      stdout: 'configmap/settings serverside-applied\n',
      stderr: '',
    });
    expect(await data()).toEqual({ a: '2' });
  });

  it('refuses bad manifests', async () => {
    expect(await k.fails('apply -f -', 1, input('a: ['))).toContain(
      'error: error parsing STDIN: error converting YAML to JSON: yaml: line 1:',
    );
    expect(await k.fails('apply -f -', 1, input('{kind: ConfigMap, metadata: {name: x}}'))).toContain(
      'apiVersion not set',
    );
    expect(
      await k.fails('apply -f -', 1, input('{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, dat: {}}')),
    ).toContain('strict decoding error: unknown field "dat"');
    expect(await k.fails('apply -f /nowhere.yaml')).toBe('error: the path "/nowhere.yaml" does not exist\n');
  });
});

describe('replace and edit', () => {
  it('replaces, unless somebody was quicker', async () => {
    await k.ok('create -f -', input(settings({ a: '1' })));
    const read = await k.ok('get configmap settings -o json');
    expect(await k.ok('replace -f -', input(settings({ a: '2' })))).toBe('configmap/settings replaced\n');
    expect(await k.fails('replace -f -', 1, input(read))).toBe(
      'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps "settings": the object has been modified; please apply your changes to the latest version and try again\n',
    );
    expect(await k.fails('replace -f -', 1, input(settings({}, 'nope')))).toBe(
      'Error from server (NotFound): error when replacing "STDIN": configmaps "nope" not found\n',
    );
    const uid = (): Promise<string> => k.ok('get configmap settings -o jsonpath={.metadata.uid}');
    const before = await uid();
    expect(await k.ok('replace --force -f -', input(settings({ a: '3' })))).toMatch(
      /^configmap "settings" deleted from \S+ namespace\nconfigmap\/settings replaced\n$/,
    );
    expect(await uid()).not.toBe(before);
  });

  it('edits with an editor', async () => {
    await k.ok('create -f -', input(settings({ a: 'before' })));
    const editor = (script: string): { env: NodeJS.ProcessEnv } => {
      const path = join(cluster.dataDir, 'editor.sh');
      writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      return { env: { EDITOR: path } };
    };
    expect(await k.ok('edit configmap settings', editor('sed -i s/before/after/ "$1"'))).toBe(
      'configmap/settings edited\n',
    );
    expect(await data()).toEqual({ a: 'after' });
    expect(
      (await k.run('edit configmap settings', editor('true'))).stderr +
        (await k.run('edit configmap settings', editor('true'))).stdout,
    ).toContain('Edit cancelled, no changes made.');
    const invalid = await k.run('edit configmap settings', editor('sed -i "s/^  name: .*/  name: other/" "$1"'));
    expect(invalid.code).toBe(1);
  });
});

describe('patch, label, annotate', () => {
  it('patches in every form', async () => {
    await k.ok('create -f -', input(settings({ a: '1' })));
    const patch = (type: string, body: string): Promise<string> =>
      k.ok(['patch', 'configmap', 'settings', `--type=${type}`, '-p', body]);
    expect(await patch('strategic', '{"data":{"b":"1"}}')).toBe('configmap/settings patched\n');
    expect(await patch('merge', '{"data":{"b":null,"c":"1"}}')).toBe('configmap/settings patched\n');
    expect(await patch('merge', '{"data":{"c":"1"}}')).toBe('configmap/settings patched (no change)\n');
    expect(
      await patch(
        'json',
        '[{"op":"move","from":"/data/c","path":"/data/d"},{"op":"test","path":"/data/a","value":"1"}]',
      ),
    ).toBe('configmap/settings patched\n');
    expect(await data()).toEqual({ a: '1', d: '1' });
  });

  it('reaches subresources', async () => {
    await k.ok('create deployment web --image=nginx --replicas=0');
    expect(
      await k.ok([
        'patch',
        'deployment',
        'web',
        '--subresource=scale',
        '--type=merge',
        '-p',
        '{"spec":{"replicas":2}}',
      ]),
    ).toBe('scale.autoscaling/web patched\n');
    expect(await k.ok('get deployment web -o jsonpath={.spec.replicas}')).toBe('2');
    expect(JSON.parse(await k.ok('get deployment web --subresource=scale -o json'))).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 2 },
    });
    await k.ok([
      'patch',
      'deployment',
      'web',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"collisionCount":7}}',
    ]);
    expect(await k.ok('get deployment web -o jsonpath={.status.collisionCount}')).toBe('7');
  });

  it('refuses patches that cannot be', async () => {
    await k.ok('create -f -', input(settings({ a: '1' })));
    const fails = (type: string, body: string): Promise<string> =>
      k.fails(['patch', 'configmap', 'settings', `--type=${type}`, '-p', body]);
    expect(await fails('json', '[{"op":"remove","path":"/data/nope"}]')).toBe(
      'The request is invalid: the server rejected our request due to an error in our request\n',
    );
    expect(await fails('merge', '{"metadata":{"name":"other"}}')).toContain(
      'the name of the object (other) does not match the name on the URL (settings)',
    );
    expect(await fails('merge', '{"immutable":"x"}')).toMatch(
      /^The request is invalid: patch: Invalid value: "\{.*json: cannot unmarshal string into Go struct field ConfigMap\.immutable of type bool\n$/,
    );
    expect(await k.fails(['patch', 'configmap', 'nope', '-p', '{}'])).toBe(
      'Error from server (NotFound): configmaps "nope" not found\n',
    );
    await k.ok(['patch', 'configmap', 'settings', '--type=merge', '-p', '{"immutable":true}']);
    expect(await fails('merge', '{"data":{"a":"2"}}')).toBe(
      'The ConfigMap "settings" is invalid: data: Forbidden: field is immutable when `immutable` is set\n',
    );
  });

  it('labels and annotates', async () => {
    await k.ok('create -f -', input(settings({})));
    expect(await k.ok('label configmap settings colour=blue')).toBe('configmap/settings labeled\n');
    expect(await k.ok('label configmap settings colour=blue')).toBe('configmap/settings not labeled\n');
    expect(await k.fails('label configmap settings colour=red')).toBe(
      "error: 'colour' already has a value (blue), and --overwrite is false\n",
    );
    expect(await k.ok('label configmap settings colour=red --overwrite')).toBe('configmap/settings labeled\n');
    expect(await k.ok('label configmap settings colour-')).toBe('configmap/settings unlabeled\n');
    expect(await k.fails('label configmap settings bad!=x')).toContain(
      'name part must consist of alphanumeric characters',
    );
    expect(await k.ok(['annotate', 'configmap', '--all', 'note=for you'])).toContain('configmap/settings annotated\n');
    expect(await k.ok('get configmap settings -o jsonpath={.metadata.annotations.note}')).toBe('for you');
    expect(await k.ok('annotate configmap settings note-')).toBe('configmap/settings annotated\n');
  });
});

describe('delete', () => {
  const namespaceOf = async (): Promise<string> =>
    (await k.ok('get serviceaccount default -o jsonpath={.metadata.namespace}')).trim();

  it('by name, label, file, all and raw', async () => {
    const namespace = await namespaceOf();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await k.ok('create -f -', input(settings({}, name)));
    expect(await k.ok('delete configmap a b')).toBe(
      `configmap "a" deleted from ${namespace} namespace\nconfigmap "b" deleted from ${namespace} namespace\n`,
    );
    expect(await k.ok('delete -f -', input(settings({}, 'c')))).toBe(
      `configmap "c" deleted from ${namespace} namespace\n`,
    );
    expect(await k.ok('delete configmap d --dry-run=server')).toBe(
      `configmap "d" deleted from ${namespace} namespace (server dry run)\n`,
    );
    expect(await k.ok('delete configmap -l app=web')).toBe(
      `configmap "d" deleted from ${namespace} namespace\nconfigmap "e" deleted from ${namespace} namespace\n`,
    );
    expect(await k.fails('delete configmap a')).toBe('Error from server (NotFound): configmaps "a" not found\n');
    expect(await k.ok('delete configmap a --ignore-not-found')).toBe('');
    await k.ok('create -f -', input(settings({}, 'f')));
    expect(await k.ok(`delete --raw /api/v1/namespaces/${namespace}/configmaps/f`)).toContain('"status":"Success"');
    await k.ok('create -f -', input(settings({}, 'g')));
    expect(await k.ok('delete configmaps --all')).toContain('configmap "g" deleted');
  });

  it('in the background, in the foreground and leaving orphans', async () => {
    const up = async (name: string): Promise<void> => {
      await k.ok(`create deployment ${name} --image=nginx --replicas=2`);
      await k.ok(`rollout status deployment/${name} --timeout=30s`);
    };
    await up('background');
    await k.ok('delete deployment background');
    await k.ok('wait --for=delete pod -l app=background --timeout=30s');
    await up('foreground');
    await k.ok('delete deployment foreground --cascade=foreground --timeout=30s');
    // Foreground: when the owner has gone, everything has.
    expect(await k.ok('get rs,pods -l app=foreground -o name')).toBe('');
    await up('orphan');
    await k.ok('delete deployment orphan --cascade=orphan --timeout=30s');
    expect((await k.ok('get rs,pods -l app=orphan -o name')).trim().split('\n')).toHaveLength(3);
    expect(await k.ok('get rs -l app=orphan -o jsonpath={.items[*].metadata.ownerReferences}')).toBe('');
    await k.ok('delete rs -l app=orphan --cascade=orphan');
    expect((await k.ok('get pods -l app=orphan -o name')).trim().split('\n')).toHaveLength(2);
    await k.ok('delete pods --all');
  });

  it('pods with a period of grace, at once, by force, and without waiting', async () => {
    const namespace = await namespaceOf();
    const pod = async (name: string): Promise<void> => {
      await k.ok(`run ${name} --image=busybox --annotations=simulated.nodeless.dev/stop-delay=60s`);
      await k.ok(`wait pod/${name} --for=condition=Ready --timeout=30s`);
    };
    await pod('slow');
    expect(await k.ok('delete pod slow --wait=false')).toBe(`pod "slow" deleted from ${namespace} namespace\n`);
    expect(rows(await k.ok('get pod slow'))).toMatchObject([{ STATUS: 'Terminating' }]);
    expect(await k.ok('get pod slow -o jsonpath={.metadata.deletionGracePeriodSeconds}')).toBe('30');
    expect(await k.run('delete pod slow --grace-period=0 --force')).toMatchObject({
      code: 0,
      stdout: `pod "slow" force deleted from ${namespace} namespace\n`,
      stderr: expect.stringContaining(
        'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated.',
      ),
    });
    expect(await k.fails('get pod slow')).toContain('(NotFound)');
    await pod('soon');
    expect(await k.ok('delete pod soon --now --timeout=30s')).toBe(`pod "soon" deleted from ${namespace} namespace\n`);
    await pod('short');
    expect(await k.ok('delete pod short --grace-period=1 --timeout=30s')).toBe(
      `pod "short" deleted from ${namespace} namespace\n`,
    );
  });

  it('waits for finalizers, and says when it has waited too long', async () => {
    await k.ok(
      'create -f -',
      input('{apiVersion: v1, kind: ConfigMap, metadata: {name: kept, finalizers: [example.com/hold]}}'),
    );
    expect(await k.fails('delete configmap kept --timeout=1s')).toBe(
      'error: timed out waiting for the condition on configmaps/kept\n',
    );
    expect(await k.ok('get configmap kept -o jsonpath={.metadata.deletionTimestamp}')).toMatch(/^\d{4}-/);
    await k.ok(['patch', 'configmap', 'kept', '--type=json', '-p', '[{"op":"remove","path":"/metadata/finalizers"}]']);
    expect(await k.fails('get configmap kept')).toContain('(NotFound)');
  });

  it('a namespace with all that is in it', async () => {
    await k.apply('{apiVersion: v1, kind: Namespace, metadata: {name: doomed}}');
    await k.ok('create deployment web --image=nginx --replicas=2 -n doomed');
    expect(await k.ok('delete namespace doomed --timeout=60s')).toBe('namespace "doomed" deleted\n');
    expect(await k.ok('get all -n doomed -o name')).toBe('');
    expect(await cluster.kubectl().fails('delete namespace kube-system')).toBe(
      'Error from server (Forbidden): namespaces "kube-system" is forbidden: this namespace may not be deleted\n',
    );
  });
});
