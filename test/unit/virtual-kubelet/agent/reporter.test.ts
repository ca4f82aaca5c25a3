import { silentLogger } from '@nodeless/component-base/logger';
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import type { AgentReport, ReportResponse } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { DoorError } from '@nodeless/virtual-kubelet/agent/door-client';
import { createEventLog, type EventLog } from '@nodeless/virtual-kubelet/agent/event-log';
import { createReporter, type Reporter } from '@nodeless/virtual-kubelet/agent/reporter';
import { beforeEach, describe, expect, it } from 'vitest';

const timing = { heartbeat: 600_000, gather: 100, events: 30_000, gone: 20_000 };
let clock: ManualClock;
let events: EventLog;
let sent: AgentReport[];
let answer: () => Promise<ReportResponse>;
let revision: string;
let goneCalls: number;
let hints: string[];
let reporter: Reporter;

beforeEach(() => {
  clock = createManualClock();
  events = createEventLog(clock.now);
  sent = [];
  revision = 'r1';
  goneCalls = 0;
  hints = [];
  answer = () => Promise.resolve({ accepted: true });
  reporter = createReporter({
    door: {
      report(report) {
        sent.push(report);
        return answer();
      },
    },
    clock,
    log: silentLogger,
    timing,
    identity: { agent: { version: '1', capabilities: [] }, podUid: 'u', bootedAt: 7 },
    containers: () => [],
    volumesRevision: () => revision,
    events,
    onGone: () => void goneCalls++,
    onVolumesRevision: (r) => void hints.push(r),
    random: () => 0.5,
  });
});
const failing = (status: number, retryAfterMs?: number) => () =>
  Promise.reject(new DoorError(status, 'no', retryAfterMs));
const sequences = () => sent.map((r) => r.sequence);

describe('reports', () => {
  it('follow a change within a tenth of a second, several changes together', async () => {
    reporter.changed();
    await clock.advance(50);
    reporter.changed();
    expect(sent).toHaveLength(0);
    await clock.advance(50);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ sequence: 1, podUid: 'u', bootedAt: 7, volumesRevision: 'r1' });
    await clock.advance(10_000);
    expect(sent).toHaveLength(1);
  });

  it('are sent one at a time: what changes meanwhile is in the next', async () => {
    let finish: (response: ReportResponse) => void = () => {};
    answer = () => new Promise((resolve) => (finish = resolve));
    reporter.changed();
    await clock.advance(100);
    revision = 'r2';
    reporter.changed();
    await clock.advance(5_000);
    expect(sequences()).toEqual([1]);
    finish({ accepted: true });
    await clock.advance(100);
    expect(sequences()).toEqual([1, 2]);
    expect(sent[1]?.volumesRevision).toBe('r2');
  });

  it('are sent now and then although nothing has changed', async () => {
    reporter.changed();
    await clock.advance(100 + 600_000);
    expect(sequences()).toEqual([1, 2]);
    await clock.advance(600_000);
    expect(sequences()).toEqual([1, 2, 3]);
  });

  it('that nobody answered are sent again as they were, and with a new number once there is more to say', async () => {
    answer = failing(0);
    reporter.changed();
    await clock.advance(2_000);
    expect(sent.length).toBeGreaterThan(2);
    expect(new Set(sequences())).toEqual(new Set([1]));
    expect(new Set(sent.map((r) => r.at)).size).toBe(1);
    revision = 'r2';
    reporter.changed();
    answer = () => Promise.resolve({ accepted: true });
    await clock.advance(30_000);
    expect(sent.at(-1)).toMatchObject({ sequence: 2, volumesRevision: 'r2' });
    const count = sent.length;
    await clock.advance(60_000);
    expect(sent).toHaveLength(count);
  });

  it('back off up to half a minute while the door is away, and wait as long as they are told', async () => {
    answer = failing(503);
    reporter.changed();
    await clock.advance(300_000);
    expect(sent.length).toBeGreaterThan(10);
    expect(sent.length).toBeLessThan(40);
    const before = sent.length;
    answer = failing(429, 120_000);
    while (sent.length === before) await clock.advance(1_000);
    await clock.advance(118_000);
    expect(sent).toHaveLength(before + 1);
    await clock.advance(3_000);
    expect(sent).toHaveLength(before + 2);
  });

  it('say that the pod is gone only when it was said three times in a row, over most of a minute', async () => {
    answer = failing(410);
    reporter.changed();
    await clock.advance(100);
    answer = () => Promise.resolve({ accepted: true });
    await clock.advance(21_000);
    expect([sent.length, goneCalls]).toEqual([2, 0]);
    answer = failing(410);
    reporter.changed();
    await clock.advance(39_000);
    expect([sent.length, goneCalls]).toEqual([4, 0]);
    await clock.advance(2_000);
    expect([sent.length, goneCalls]).toEqual([5, 1]);
  });

  it('pass on which revision of the volumes the door knows', async () => {
    answer = () => Promise.resolve({ accepted: true, volumesRevision: 'r9' });
    reporter.changed();
    await clock.advance(100);
    expect(hints).toEqual(['r9']);
  });

  it('end with a last one, after the one under way', async () => {
    let finish: (response: ReportResponse) => void = () => {};
    answer = () => new Promise((resolve) => (finish = resolve));
    reporter.changed();
    await clock.advance(100);
    revision = 'last';
    const finished = reporter.finish(1_000);
    answer = () => Promise.resolve({ accepted: true });
    finish({ accepted: true });
    await finished;
    expect(sent.at(-1)).toMatchObject({ sequence: 2, volumesRevision: 'last' });
    reporter.changed();
    await clock.advance(1_000_000);
    expect(sent).toHaveLength(2);
  });
});

describe('events', () => {
  const add = (message: string): void =>
    void (events.add('Warning', 'Unhealthy', message, 'spec.containers{a}') ? reporter.changed() : reporter.later());

  it('that are new travel at once, repeats of them wait for others', async () => {
    add('one');
    await clock.advance(100);
    expect(sent[0]?.events).toEqual([
      {
        type: 'Warning',
        reason: 'Unhealthy',
        message: 'one',
        fieldPath: 'spec.containers{a}',
        count: 1,
        firstAt: '2030-01-01T00:00:00.000Z',
        lastAt: '2030-01-01T00:00:00.000Z',
      },
    ]);
    for (let i = 0; i < 10; i++) {
      await clock.advance(1_000);
      add('one');
    }
    expect(sent).toHaveLength(1);
    await clock.advance(30_000);
    expect(sent).toHaveLength(2);
    expect(sent[1]?.events).toMatchObject([{ count: 11, firstAt: '2030-01-01T00:00:00.000Z' }]);
    await clock.advance(600_000);
    expect(sent.at(-1)?.events).toEqual([]);
  });

  it('stay until they have arrived', async () => {
    answer = failing(500);
    add('one');
    await clock.advance(1_000);
    answer = () => Promise.resolve({ accepted: true });
    await clock.advance(30_000);
    expect(sent.at(-1)?.events).toHaveLength(1);
    await clock.advance(700_000);
    expect(sent.at(-1)?.events).toEqual([]);
  });

  it('that come while a report is under way are in the next', async () => {
    let finish: (response: ReportResponse) => void = () => {};
    answer = () => new Promise((resolve) => (finish = resolve));
    add('one');
    await clock.advance(100);
    add('one');
    finish({ accepted: true });
    answer = () => Promise.resolve({ accepted: true });
    await clock.advance(31_000);
    expect(sent.map((r) => r.events.map((e) => e.count))).toEqual([[1], [2]]);
  });

  it('of a report that is refused for good are let go', async () => {
    answer = failing(400);
    add('one');
    await clock.advance(100);
    answer = () => Promise.resolve({ accepted: true });
    await clock.advance(30_000);
    expect(sent.at(-1)?.events).toEqual([]);
  });

  it('are bounded: the oldest kinds are forgotten, and a report carries fifty', () => {
    for (let i = 0; i < 1_000; i++) events.add('Warning', 'Unhealthy', `m${i}`, '');
    expect(events.pending()).toHaveLength(50);
    expect(events.pending().at(-1)?.message).toBe('m999');
    expect(events.add('Warning', 'Unhealthy', 'm0', '')).toBe(true);
    expect(events.add('Warning', 'Unhealthy', 'x'.repeat(5_000), '')).toBe(true);
    expect(events.pending().at(-1)?.message).toHaveLength(1024);
  });
});
