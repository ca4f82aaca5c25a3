import { describe, expect, test } from 'vitest';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { orphanTag, planSweep } from '@nodeless/virtual-kubelet/providers/fargate/sweep';
import {
  later,
  recordCondition,
  readRecord,
  type TaskRecord,
} from '@nodeless/virtual-kubelet/providers/fargate/task-record';
import { type TaskState, taskState } from '@nodeless/virtual-kubelet/providers/fargate/task-state';
import { formatIdentity, identityVariable, taskRequest } from '@nodeless/component-base/task-identity';

const now = Date.UTC(2030, 0, 1);
const old = now - 3_600_000;

function task(uid: string, rest: Partial<TaskState> & { attempt?: number } = {}): TaskState {
  const { attempt = 0, ...more } = rest;
  const identity = { namespace: 'default', name: uid, uid, node: 'n', attempt, init: [] };
  const base = taskState({
    taskArn: `arn/${uid}-${attempt}`,
    version: 5,
    lastStatus: 'RUNNING',
    desiredStatus: 'RUNNING',
  }) as TaskState;
  return { ...base, createdAt: old, identity, ...more };
}
function pod(uid: string, record?: Partial<TaskRecord>, rest: Pod = {}): Pod {
  const full = { arn: `arn/${uid}-0`, attempt: 0, version: 5, ...record };
  return {
    ...rest,
    metadata: {
      name: uid,
      namespace: 'default',
      uid,
      creationTimestamp: new Date(old).toISOString(),
      ...rest.metadata,
    },
    status: { phase: 'Running', ...rest.status, ...(record ? { conditions: [recordCondition(full)] } : {}) },
  };
}
const names = (list: readonly (TaskState | Pod)[]): string[] =>
  list.map((one) => ('arn' in one ? one.arn : (one.metadata?.name ?? '')));
const plan = (tasks: readonly TaskState[], pods: readonly Pod[]) => {
  const { stop, mark, heed } = planSweep(tasks, pods, now);
  return { stop: names(stop), mark: names(mark), heed: names(heed) };
};
const nothing = { stop: [], mark: [], heed: [] };

describe('a sweep', () => {
  test.each<[string, TaskState[], Pod[], Partial<typeof nothing> | Record<string, string[]>]>([
    ['leaves alone what agrees', [task('a')], [pod('a', {})], {}],
    ['marks a task without a pod', [task('a')], [], { mark: ['arn/a-0'] }],
    [
      'stops one that was marked a while ago',
      [task('a', { tags: { [orphanTag]: String(now - 300_000) } })],
      [],
      { stop: ['arn/a-0'] },
    ],
    ['waits with one that was marked just now', [task('a', { tags: { [orphanTag]: String(now - 1_000) } })], [], {}],
    ['lets a young task be', [task('a', { createdAt: now - 10_000 })], [], {}],
    ['lets one that is ending be', [task('a', { desiredStatus: 'STOPPED' })], [], {}],
    [
      'marks a task that a later one has replaced',
      [task('a'), task('a', { attempt: 1 })],
      [pod('a', { arn: 'arn/a-1', attempt: 1 })],
      { mark: ['arn/a-0'] },
    ],
    ['heeds a pod whose task has gone on', [task('a', { version: 6 })], [pod('a', {})], { heed: ['a'] }],
    ['heeds a pod that does not know its task', [task('a')], [pod('a')], { heed: ['a'] }],
    ['heeds a pod whose task is gone', [], [pod('a', {})], { heed: ['a'] }],
    ['but not once it was seen stopped', [], [pod('a', { stopped: true })], {}],
    ['heeds a pod whose next attempt is due', [], [pod('a', { stopped: true, retryAt: now - 1 })], { heed: ['a'] }],
    ['but not one that waits', [], [pod('a', { stopped: true, retryAt: now + 1 })], {}],
    ['heeds a pod that was never started', [], [pod('a')], { heed: ['a'] }],
    [
      'heeds an ended pod whose task runs',
      [task('a')],
      [pod('a', {}, { status: { phase: 'Failed' } })],
      { heed: ['a'] },
    ],
    ['lets an ended pod be', [], [pod('a', { stopped: true }, { status: { phase: 'Failed' } })], {}],
    ['knows nothing of other tasks', [{ ...task('a'), identity: undefined }], [], {}],
  ])('%s', (_, tasks, pods, expected) => {
    expect(plan(tasks, pods)).toEqual({ ...nothing, ...expected });
  });
});

describe('a record', () => {
  const record = (more: Partial<TaskRecord>): TaskRecord => ({ arn: 'a', attempt: 1, version: 5, ...more });
  test('comes back out of the condition, and of nothing else', () => {
    expect(readRecord(pod('a', { version: 7 }))).toMatchObject({ arn: 'arn/a-0', version: 7 });
    for (const message of ['', 'x', '[]', 'null', '{"arn":1}'])
      expect(
        readRecord({ status: { conditions: [{ type: 'nodeless.dev/task', status: 'True', message }] } }),
      ).toBeUndefined();
  });
  test.each<[string, Partial<TaskRecord>, Partial<TaskRecord>]>([
    ['of a later attempt', { attempt: 2, version: 1 }, { attempt: 1, version: 9 }],
    ['of a later version', { version: 6, at: 1 }, { version: 5, at: 2 }],
    ['with a task', { arn: 'a' }, { arn: '' }],
    ['written later', { at: 2 }, { at: 1 }],
  ])('%s counts', (_, wins, loses) => {
    expect(later(record(wins), record(loses))).toEqual(record(wins));
    expect(later(record(loses), record(wins))).toEqual(record(wins));
  });
});

describe('an event of ECS', () => {
  const identity = { namespace: 'shop', name: 'web', uid: 'u', node: 'n', attempt: 2, init: ['i'] };
  const detail = {
    taskArn: 'arn',
    overrides: {
      containerOverrides: [
        { name: 'app', environment: [{ name: 'PASSWORD', value: 'x' }] },
        {
          name: 'nodeless_agent',
          environment: [
            { name: 'NODELESS_BOOT', value: 'token' },
            { name: identityVariable, value: formatIdentity(identity) },
          ],
        },
      ],
    },
  };
  test('names its pod, and goes on without what is the pod’s own business', () => {
    const request = taskRequest(detail);
    expect(request).toMatchObject({ namespace: 'shop', name: 'web' });
    expect(taskState(request?.hint)).toMatchObject({ arn: 'arn', identity });
    expect(JSON.stringify(request)).not.toMatch(/token|PASSWORD/);
  });
  test.each([
    [undefined],
    [{}],
    [{ overrides: { containerOverrides: 'x' } }],
    [{ overrides: { containerOverrides: [{ environment: [{ name: identityVariable, value: '{' }] }] } }],
  ])('of somebody else is none: %j', (other) => {
    expect(taskRequest(other)).toBeUndefined();
  });
});
