import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findEngine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { findTool, type Kubectl, lacking } from '../builders/kubectl.ts';
import { nodeless, type RunningCluster, startRunningCluster, temporaryFolder } from '../builders/running-cluster.ts';
import { rows } from '../builders/tables.ts';
import { dockerProblem, ensureTestImage, image } from './docker-engine.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** kubectl and the insides of real pods: logs, exec, attach, cp, port-forward, run, in both of its streaming protocols. */
const unable = lacking('kubectl') ?? (await dockerProblem());
let folder: string;
let cluster: RunningCluster;
let k: Kubectl;

const pods = `
apiVersion: v1
kind: Pod
metadata: {name: talker, labels: {app: talker}}
spec:
  terminationGracePeriodSeconds: 1
  initContainers:
    - {name: before, image: '${image}', command: [sh, -c, 'echo prepared']}
  containers:
    - name: one
      image: '${image}'
      command: [sh, -c, 'i=0; while [ $i -lt 20 ]; do echo line $i; i=$((i+1)); done; echo complaint >&2; trap exit TERM; while true; do sleep 0.1; done']
    - name: two
      image: '${image}'
      command: [sh, -c, 'echo hello from two; nc -ll -p 8080 -e cat']
---
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  containers:
    - {name: one, image: '${image}', stdin: true, stdinOnce: true, command: [sh, -c, 'while read x; do echo "got $x"; done; exit 0']}
---
apiVersion: v1
kind: Pod
metadata: {name: failing}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - {name: one, image: '${image}', command: [sh, -c, 'echo about to fail; exit 3']}
`;

beforeAll(async () => {
  if (unable) return;
  folder = await temporaryFolder('streams');
  await ensureTestImage(findEngine().engine);
  cluster = await startRunningCluster({ dataDir: join(folder, 'data'), provider: 'docker', nodes: 1 });
  k = cluster.kubectl();
  await vi.waitFor(() => k.ok('get serviceaccount default'), { timeout: 20_000 });
  await k.apply(pods);
  await k.ok('wait pod/talker pod/reader --for=condition=Ready --timeout=60s');
}, 180_000);
afterAll(async () => {
  if (!cluster) return;
  await cluster.stop();
  await nodeless(['down', '--purge', '--data-dir', cluster.dataDir]);
  rmSync(folder, { recursive: true, force: true });
}, 60_000);
beforeEach((context) => context.skip(unable !== undefined, unable));

describe('logs', () => {
  it('of one container, of all, of an init container', async () => {
    // Docker keeps standard output and standard error in no order between them.
    const lines = (await k.ok('logs talker -c one')).trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('line '))).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i}`));
    expect(lines).toContain('complaint');
    expect(await k.ok('logs talker -c before')).toBe('prepared\n');
    expect(await k.ok('logs talker -c two')).toBe('hello from two\n');
    const all = await k.ok('logs talker --all-containers --prefix --tail=1');
    expect(all).toContain('[pod/talker/before] prepared\n');
    expect(all).toContain('[pod/talker/two] hello from two\n');
    // Of several containers the first one, and kubectl says so.
    expect(await k.run('logs talker --tail=1')).toMatchObject({
      code: 0,
      stderr: 'Defaulted container "one" out of: one, two, before (init)\n',
    });
    expect(await k.ok('logs -l app=talker -c two')).toBe('hello from two\n');
  });

  it('from the end, since a time, with times, up to a size', async () => {
    const tail = (await k.ok('logs talker -c one --tail=3')).trimEnd().split('\n');
    expect(tail).toHaveLength(3);
    expect(await k.ok('logs talker -c two --since=1h')).toBe('hello from two\n');
    expect(await k.ok('logs talker -c two --since-time=2999-01-01T00:00:00Z')).toBe('');
    expect(await k.ok('logs talker -c two --timestamps')).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z hello from two\n$/,
    );
    expect(await k.ok('logs talker -c two --limit-bytes=5')).toBe('hello');
  });

  it('of the run before', async () => {
    await k.ok('wait pod/failing --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=60s');
    expect(await k.ok('logs failing --previous')).toBe('about to fail\n');
    expect(await k.fails('logs talker -c one --previous')).toBe(
      'Error from server (BadRequest): previous terminated container "one" in pod "talker" not found\n',
    );
    expect(await k.fails('logs talker -c nope')).toBe(
      'error: container nope is not valid for pod talker out of: one, two, before (init)\n',
    );
    expect(rows(await k.ok('get pod failing'))).toMatchObject([
      { READY: '0/1', STATUS: expect.stringMatching(/^(CrashLoopBackOff|Error)$/) },
    ]);
  });

  it('as they come', async () => {
    const { file, args, env } = k.command('logs talker -c one -f --tail=1');
    const follow = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let seen = '';
    follow.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text));
    await expect.poll(() => seen.split('\n').length, { timeout: 20_000 }).toBe(2);
    await k.ok(['exec', 'talker', '-c', 'one', '--', 'sh', '-c', 'echo one more > /proc/1/fd/1']);
    await expect.poll(() => seen, { timeout: 20_000 }).toContain('one more\n');
    follow.kill('SIGINT');
    await once(follow, 'exit');
  });
});

describe.each([
  ['WebSocket', {}],
  ['SPDY', { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' }],
])('over %s', (protocol, env) => {
  it('exec runs commands, with their output, input and exit code', async () => {
    expect(await k.ok('exec talker -c one -- cat /etc/passwd', { env })).toContain('root:x:0:0');
    expect(await k.ok('exec -i talker -c one -- cat', { env, input: 'through\n' })).toBe('through\n');
    expect(await k.ok('exec -i talker -c one -- wc -c', { env, input: 'x'.repeat(300_000) })).toBe('300000\n');
    const failed = await k.run(['exec', 'talker', '-c', 'one', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'], {
      env,
    });
    expect(failed).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\ncommand terminated with exit code 7\n' });
    expect(await k.ok('exec talker -c two -- hostname', { env })).toBe('talker\n');
    expect((await k.run('exec talker -c one -- nothing-like-it', { env })).code).not.toBe(0);
    expect(await k.fails('exec talker -c nope -- true', 1, { env })).toContain(
      'container nope is not valid for pod talker',
    );
    expect(await k.fails('exec nope -- true', 1, { env })).toBe(
      'Error from server (NotFound): pods "nope" not found\n',
    );
  });

  it('cp copies both ways', async () => {
    const local = join(folder, `copy-${protocol}`);
    mkdirSync(local, { recursive: true });
    writeFileSync(join(local, 'there.txt'), 'there and back\n'.repeat(10_000));
    await k.ok(`cp ${join(local, 'there.txt')} talker:/tmp/there.txt -c one`, { env });
    expect(await k.ok('exec talker -c one -- wc -l /tmp/there.txt', { env })).toMatch(/^10000 /);
    await k.ok(`cp talker:/tmp/there.txt ${join(local, 'back.txt')} -c one`, { env });
    expect(readFileSync(join(local, 'back.txt'), 'utf8')).toBe(readFileSync(join(local, 'there.txt'), 'utf8'));
  });

  it('port-forward carries connections', async () => {
    const { file, args, env: base } = k.command('port-forward pod/talker :8080');
    const forward = spawn(file, args, { env: { ...base, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      let said = '';
      forward.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
      await expect.poll(() => said, { timeout: 20_000 }).toMatch(/Forwarding from 127\.0\.0\.1:\d+ -> 8080/);
      const port = Number(/127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
      for (const text of ['first', 'second']) {
        const socket = connect(port, '127.0.0.1');
        let got = '';
        socket.setEncoding('utf8').on('data', (chunk: string) => (got += chunk));
        socket.write(`${text}\n`);
        await expect.poll(() => got, { timeout: 20_000 }).toBe(`${text}\n`);
        socket.destroy();
      }
    } finally {
      forward.kill('SIGINT');
      await once(forward, 'exit');
    }
  });

  it('run -i --rm runs a pod to its end and takes it away', async () => {
    const name = `brief-${protocol.toLowerCase()}`;
    const ran = await k.run(
      `run ${name} -i --rm --restart=Never --image=${image} --image-pull-policy=IfNotPresent -- cat`,
      { env, input: 'said\n' },
    );
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^said\n[^]*pod "brief-\w+" deleted/) });
    expect(await k.fails(`get pod ${name}`)).toContain('(NotFound)');
  });
});

describe('a terminal', () => {
  // util-linux's script gives kubectl one.
  const script = findTool('script');
  it.skipIf(!script)("exec -it has one, of the size of the user's", async () => {
    // The size comes after the process has started, as with every runtime.
    const { file, args, env } = k.command([
      'exec',
      '-it',
      'talker',
      '-c',
      'one',
      '--',
      'sh',
      '-c',
      'tty; while test -z "$size"; do size=$(stty size 2>/dev/null); sleep 0.1; done; echo $size; read x; echo got $x',
    ]);
    const command = `stty rows 33 cols 99; ${[file, ...args].map((word) => `'${word}'`).join(' ')}`;
    const shell = spawn(script as string, ['-qec', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    let seen = '';
    shell.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text));
    const exited = once(shell, 'exit');
    await expect.poll(() => seen, { timeout: 10_000 }).toMatch(/\/dev\/pts\/\d+\r\n33 99\r\n/);
    shell.stdin.write('typed\n');
    await expect.poll(() => seen, { timeout: 20_000 }).toContain('got typed');
    shell.stdin.end();
    await exited;
  });
});

describe('attach', () => {
  it('gives input to the process that runs, and its output', async () => {
    const ran = await k.run('attach -i reader -q', { input: 'a\nb\n' });
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('got a\ngot b\n') });
    // Its input was for one client and is over: so is the process.
    await k.ok('wait pod/reader --for=jsonpath={.status.phase}=Succeeded --timeout=60s');
  });
});
