import { PassThrough } from 'node:stream';
import type { Probe } from '@nodeless/apimachinery/generated/types/core/v1';
import { silentLogger } from '@nodeless/component-base/logger';
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import type { AgentContainer } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { type Containers, createContainers } from '@nodeless/virtual-kubelet/agent/containers';
import {
  assumeRunning,
  type TaskContainer,
  taskView,
  type TaskView,
} from '@nodeless/virtual-kubelet/agent/task-metadata';
import type { Dialer } from '@nodeless/virtual-kubelet/probes/dialer';
import { beforeEach, describe, expect, it } from 'vitest';

let clock: ManualClock;
let task: TaskView;
let fails: boolean;
let open: boolean;
let changes: number;
let events: string[];
let dialled: string[];

const dial: Dialer = (address, port) => {
  dialled.push(`${address}:${port}`);
  return open
    ? Promise.resolve(new PassThrough())
    : Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
};
const tcp: Probe = { tcpSocket: { port: 'web' }, periodSeconds: 1, failureThreshold: 2, successThreshold: 1 };
const exec: Probe = { exec: { command: ['check'] }, periodSeconds: 10, failureThreshold: 3, initialDelaySeconds: 30 };

const spec = (name: string, more: Partial<AgentContainer> = {}): AgentContainer => ({
  name,
  fieldPath: `spec.containers{${name}}`,
  ports: [{ name: 'web', containerPort: 80 }],
  ...more,
});
const runningSince = (id: string, more: Partial<TaskContainer> = {}): TaskContainer => ({
  id,
  state: 'running',
  startedAt: new Date(clock.now()).toISOString(),
  ...more,
});
const show = (containers: Record<string, TaskContainer>, more: Partial<TaskView> = {}): void => {
  task = { podIp: '10.0.0.7', stopping: false, containers: new Map(Object.entries(containers)), ...more };
};
const begin = (containers: AgentContainer[]): Containers => {
  const made = createContainers({
    containers,
    readTask: () => (fails ? Promise.reject(new Error('no metadata')) : Promise.resolve(task)),
    dial,
    clock,
    log: silentLogger,
    timing: { starting: 500, running: 2_000 },
    onChange: () => void changes++,
    onEvent: (type, reason, message, fieldPath) => void events.push(`${type} ${reason} ${fieldPath}: ${message}`),
  });
  made.start();
  return made;
};

beforeEach(() => {
  clock = createManualClock();
  [changes, events, dialled] = [0, [], []];
  [fails, open] = [false, false];
  show({});
});

describe('containers', () => {
  it('wait, run and end as the task’s metadata say', async () => {
    const containers = begin([spec('a')]);
    await clock.advance(0);
    expect(containers.reports()).toMatchObject([
      { name: 'a', runId: '', state: 'waiting', started: false, ready: false },
    ]);
    show({ a: runningSince('id-1') });
    await clock.advance(500);
    expect(containers.reports()).toMatchObject([{ runId: 'id-1', state: 'running', started: true, ready: true }]);
    expect(changes).toBe(1);
    show({ a: { id: 'id-1', state: 'ended', exitCode: 3, finishedAt: '2030-01-01T00:00:09Z' } });
    await clock.advance(2_000);
    expect(containers.reports()).toMatchObject([{ state: 'ended', exitCode: 3, started: false, ready: false }]);
    expect(changes).toBe(2);
  });

  it('are looked at often while one is about to start, and rarely later', async () => {
    let reads = 0;
    const view = (): TaskView => {
      reads++;
      return task;
    };
    show({ a: runningSince('1') });
    const containers = createContainers({
      containers: [spec('a'), spec('b')],
      readTask: () => Promise.resolve(view()),
      dial,
      clock,
      log: silentLogger,
      timing: { starting: 500, running: 2_000 },
      onChange: () => {},
      onEvent: () => {},
    });
    containers.start();
    await clock.advance(2_000);
    expect(reads).toBe(5);
    show({ a: runningSince('1'), b: runningSince('2') });
    await clock.advance(500);
    reads = 0;
    await clock.advance(10_000);
    expect(reads).toBe(5);
    containers.stop();
    await clock.advance(10_000);
    expect(reads).toBe(5);
  });

  it('stay as last seen while the metadata cannot be read', async () => {
    show({ a: runningSince('1') });
    const containers = begin([spec('a')]);
    await clock.advance(0);
    fails = true;
    await clock.advance(60_000);
    expect(containers.reports()).toMatchObject([{ state: 'running', ready: true }]);
  });
});

describe('probes', () => {
  it('go to the pod’s address and to ports by name, and decide readiness', async () => {
    show({ a: runningSince('1') });
    const containers = begin([spec('a', { readinessProbe: tcp })]);
    await clock.advance(100);
    expect(dialled).toEqual(['10.0.0.7:80']);
    expect(containers.reports()).toMatchObject([{ started: true, ready: false }]);
    expect(events).toEqual([
      'Warning Unhealthy spec.containers{a}: Readiness probe failed: dial tcp 10.0.0.7:80: connect: connection refused',
    ]);
    open = true;
    const before = changes;
    await clock.advance(1_000);
    expect(containers.reports()).toMatchObject([{ ready: true, changedAt: '2030-01-01T00:00:01.100Z' }]);
    expect(changes).toBeGreaterThan(before);
  });

  it('that failed for good say so, with the last words, and it stays said', async () => {
    open = true;
    show({ a: runningSince('1') });
    const containers = begin([spec('a', { livenessProbe: tcp })]);
    await clock.advance(1_500);
    expect(containers.reports()[0]?.failed).toBeUndefined();
    open = false;
    await clock.advance(2_000);
    const failed = {
      probe: 'liveness',
      message: 'Liveness probe failed: dial tcp 10.0.0.7:80: connect: connection refused',
    };
    expect(containers.reports()[0]?.failed).toEqual(failed);
    open = true;
    await clock.advance(60_000);
    expect(containers.reports()[0]?.failed).toEqual(failed);
  });

  it('begin anew with each run of the container', async () => {
    open = true;
    show({ a: runningSince('1', { restartCount: 0 }) });
    const containers = begin([spec('a', { readinessProbe: tcp, livenessProbe: tcp })]);
    await clock.advance(1_000);
    open = false;
    await clock.advance(5_000);
    expect(containers.reports()).toMatchObject([{ ready: false, failed: { probe: 'liveness' } }]);
    show({ a: runningSince('1', { restartCount: 1 }) });
    open = true;
    await clock.advance(4_000);
    expect(containers.reports()[0]).toMatchObject({ ready: true, restartCount: 1 });
    expect(containers.reports()[0]?.failed).toBeUndefined();
  });

  it('of liveness are no more once the task is being stopped', async () => {
    open = true;
    show({ a: runningSince('1') });
    const containers = begin([spec('a', { livenessProbe: tcp, readinessProbe: tcp })]);
    await clock.advance(1_000);
    show(Object.fromEntries(task.containers), { stopping: true });
    await clock.advance(2_000);
    open = false;
    await clock.advance(30_000);
    expect(containers.reports()[0]).toMatchObject({ ready: false });
    expect(containers.reports()[0]?.failed).toBeUndefined();
  });

  it('that run a command are what ECS says of the container’s health', async () => {
    const started = runningSince('1');
    show({ a: started });
    const containers = begin([spec('a', { readinessProbe: exec, livenessProbe: exec })]);
    await clock.advance(60_000);
    expect(containers.reports()).toMatchObject([{ ready: false }]);
    expect(events).toEqual([]);
    show({ a: { ...started, health: { healthy: true, output: '' } } });
    await clock.advance(4_000);
    expect(containers.reports()).toMatchObject([{ ready: true }]);
    show({ a: { ...started, health: { healthy: false, output: 'broken' } } });
    await clock.advance(4_000);
    expect(containers.reports()).toMatchObject([
      { ready: false, failed: { probe: 'liveness', message: 'Liveness probe failed: broken' } },
    ]);
    expect(dialled).toEqual([]);
  });
});

describe('the end', () => {
  it('has come when all of those named have ended and none was started again', async () => {
    let ended = false;
    show({ a: runningSince('1'), b: runningSince('2') });
    const containers = begin([spec('a'), spec('b')]);
    void containers.ended(['a', 'b']).then(() => (ended = true));
    await clock.advance(2_000);
    show({ a: { id: '1', state: 'ended' }, b: runningSince('2') });
    await clock.advance(60_000);
    expect(ended).toBe(false);
    show({ a: { id: '1', state: 'ended' }, b: { id: '2', state: 'ended' } });
    await clock.advance(5_000);
    expect(ended).toBe(false);
    show({ a: { id: '1', state: 'ended' }, b: runningSince('3') });
    await clock.advance(60_000);
    expect(ended).toBe(false);
    show({ a: { id: '1', state: 'ended' }, b: { id: '3', state: 'ended' } });
    await clock.advance(10_000);
    expect(ended).toBe(true);
  });

  it('never comes for a pod that names none', async () => {
    let ended = false;
    const containers = begin([]);
    void containers.ended([]).then(() => (ended = true));
    await clock.advance(600_000);
    expect(ended).toBe(false);
  });
});

describe('task metadata', () => {
  /** After the sample in the ECS developer guide, "Amazon ECS task metadata endpoint version 4". */
  const sample = {
    Cluster: 'default',
    TaskARN: 'arn:aws:ecs:us-west-2:111122223333:task/default/e9028f8d5d8e4f258373e7b93ce9a3c3',
    DesiredStatus: 'RUNNING',
    KnownStatus: 'RUNNING',
    Containers: [
      {
        DockerId: 'e9028f8d5d8e4f258373e7b93ce9a3c3-2495160603',
        Name: 'curl',
        DesiredStatus: 'RUNNING',
        KnownStatus: 'RUNNING',
        StartedAt: '2020-10-08T20:09:11.44527186Z',
        Type: 'NORMAL',
        RestartCount: 2,
        Networks: [{ NetworkMode: 'awsvpc', IPv4Addresses: ['192.0.2.3'], IPv6Addresses: ['2001:db8::1'] }],
        Health: { status: 'UNHEALTHY', statusSince: '2020-10-08T20:10:00Z', exitCode: 1, output: 'no' },
      },
      { DockerId: 'x-1', Name: 'done', KnownStatus: 'STOPPED', ExitCode: 137, FinishedAt: '2020-10-08T20:10:00Z' },
      { Name: 'soon', KnownStatus: 'PULLED', Health: { status: 'UNKNOWN' } },
    ],
  };

  it('are read as the agent needs them', () => {
    const view = taskView(sample);
    expect(view).toMatchObject({ podIp: '192.0.2.3', stopping: false });
    expect(Object.fromEntries(view.containers)).toEqual({
      curl: {
        id: 'e9028f8d5d8e4f258373e7b93ce9a3c3-2495160603',
        state: 'running',
        startedAt: '2020-10-08T20:09:11.44527186Z',
        restartCount: 2,
        health: { healthy: false, output: 'no' },
      },
      done: { id: 'x-1', state: 'ended', finishedAt: '2020-10-08T20:10:00Z', exitCode: 137 },
      soon: { id: '', state: 'waiting' },
    });
    expect(taskView({ ...sample, DesiredStatus: 'STOPPED' }).stopping).toBe(true);
    expect(taskView({})).toEqual({ podIp: '', stopping: false, containers: new Map() });
  });

  it('that are not there make everything count as running since the beginning', async () => {
    const read = assumeRunning(['a'], clock.now);
    const first = await read();
    await clock.advance(5_000);
    expect(await read()).toEqual(first);
    expect(first.containers.get('a')).toEqual({ id: '', state: 'running', startedAt: '2030-01-01T00:00:00.000Z' });
    expect(first.podIp).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });
});
