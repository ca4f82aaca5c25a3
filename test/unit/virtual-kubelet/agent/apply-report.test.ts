import type { Container, ContainerStatus, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { deepFreeze } from '@nodeless/apimachinery/equality';
import type { AgentReport, ContainerReport } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import {
  agentCondition,
  agentState,
  agentVerdict,
  applyReport,
  failedProbe,
  probeStatus,
  runIdOf,
  withLatestVerdicts,
  withVerdicts,
} from '@nodeless/virtual-kubelet/agent/apply-report';
import type { ObservedContainer } from '@nodeless/virtual-kubelet/providers/provider';
import { describe, expect, it } from 'vitest';

const now = '2030-01-01T00:00:10Z';
const earlier = '2030-01-01T00:00:00Z';
const probe = { tcpSocket: { port: 1 } };

function container(name: string, more: Partial<Container> = {}): Container {
  return { name, image: 'i', ...more };
}
function running(name: string, id = `ecs://run-${name}`, more: Partial<ContainerStatus> = {}): ContainerStatus {
  return {
    name,
    image: 'i',
    imageID: '',
    containerID: id,
    restartCount: 0,
    ready: false,
    started: false,
    state: { running: { startedAt: earlier } },
    ...more,
  };
}
function pod(containers: Container[], containerStatuses: ContainerStatus[], more: Partial<Pod['status']> = {}): Pod {
  return deepFreeze({
    metadata: { name: 'p', namespace: 'default', uid: 'u' },
    spec: { containers },
    status: {
      phase: 'Running',
      conditions: [
        { type: 'PodScheduled', status: 'True', lastTransitionTime: earlier },
        { type: 'example.com/gate', status: 'True', lastTransitionTime: earlier },
        { type: 'PodReadyToStartContainers', status: 'True', lastTransitionTime: earlier },
        { type: 'Ready', status: 'False', lastTransitionTime: earlier },
      ],
      containerStatuses,
      ...more,
    },
  });
}
function one(name: string, more: Partial<ContainerReport> = {}): ContainerReport {
  return { name, runId: `run-${name}`, state: 'running', started: true, ready: true, changedAt: now, ...more };
}
function report(containers: ContainerReport[], more: Partial<AgentReport> = {}): AgentReport {
  return {
    protocol: 1,
    agent: { version: '1', capabilities: [] },
    podUid: 'u',
    bootedAt: 5,
    sequence: 1,
    at: now,
    volumesRevision: 'r',
    containers,
    events: [],
    ...more,
  };
}
const applied = (to: Pod, what: AgentReport): Pod => {
  const result = applyReport(to, what, now);
  if (result.outcome !== 'changed') throw new Error(result.outcome);
  return result.pod;
};
const conditionsOf = (p: Pod) => Object.fromEntries((p.status?.conditions ?? []).map((c) => [c.type, c.status]));
const statusOf = (p: Pod, name: string) => {
  const found = p.status?.containerStatuses?.find((s) => s.name === name);
  return found && { started: found.started, ready: found.ready };
};

describe('a report', () => {
  it('makes containers started and ready, and the pod with them', () => {
    const before = pod([container('a', { readinessProbe: probe }), container('b')], [running('a'), running('b')]);
    const after = applied(before, report([one('a'), one('b')]));
    expect([statusOf(after, 'a'), statusOf(after, 'b')]).toEqual([
      { started: true, ready: true },
      { started: true, ready: true },
    ]);
    expect(conditionsOf(after)).toMatchObject({
      Ready: 'True',
      ContainersReady: 'True',
      PodReadyToStartContainers: 'True',
      'example.com/gate': 'True',
      [agentCondition]: 'True',
    });
    const ready = after.status?.conditions?.find((c) => c.type === 'Ready');
    expect(ready?.lastTransitionTime).toBe(now);
  });

  it('names the containers that are not ready', () => {
    const before = pod([container('a', { readinessProbe: probe }), container('b')], [running('a'), running('b')]);
    const after = applied(before, report([one('a', { ready: false }), one('b')]));
    expect(after.status?.conditions?.find((c) => c.type === 'ContainersReady')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [a]',
    });
  });

  it('says nothing of a container whose status is not of that run, but is remembered for it', () => {
    const spec = [container('a', { readinessProbe: probe })];
    const after = applied(pod(spec, [running('a', 'ecs://older')]), report([one('a')]));
    expect(statusOf(after, 'a')).toEqual({ started: true, ready: false });
    expect(probeStatus(after, spec[0] as Container, 'run-a')).toEqual({ started: true, ready: true });
    expect(probeStatus(after, spec[0] as Container, 'older')).toEqual({ started: true, ready: false });
    expect(agentVerdict(after, 'a', '')).toMatchObject({ ready: true, runId: 'run-a' });
  });

  it('that comes before the status says that anything runs is kept until then', () => {
    const spec = [container('a', { readinessProbe: probe })];
    const waiting = { ...running('a', ''), state: { waiting: { reason: 'ContainerCreating' } } };
    const after = applied(pod(spec, [waiting], { phase: 'Pending' }), report([one('a')]));
    expect(statusOf(after, 'a')).toEqual({ started: false, ready: false });
    const later: Pod = { ...after, status: { ...after.status, phase: 'Running', containerStatuses: [running('a')] } };
    expect(statusOf(withVerdicts(later, now), 'a')).toEqual({ started: true, ready: true });
    expect(conditionsOf(withVerdicts(later, now))['Ready']).toBe('True');
  });

  it('for a pod without container statuses makes none and leaves the conditions', () => {
    const before = pod([container('a')], []);
    const bare: Pod = { ...before, status: { phase: 'Pending', conditions: before.status?.conditions } };
    const after = applied(bare, report([one('a')]));
    expect(after.status?.containerStatuses).toBeUndefined();
    expect(conditionsOf(after)['Ready']).toBe('False');
  });

  it('is about sidecars too, and not about init containers that end', () => {
    const before: Pod = {
      ...pod([container('a')], [running('a')]),
      spec: {
        initContainers: [
          container('setup'),
          container('side', { restartPolicy: 'Always', startupProbe: probe, readinessProbe: probe }),
        ],
        containers: [container('a')],
      },
    };
    before.status = {
      ...before.status,
      initContainerStatuses: [
        { ...running('setup'), state: { terminated: { exitCode: 0 } }, ready: true },
        running('side'),
      ],
    };
    const after = applied(before, report([one('side', { ready: false }), one('a')]));
    expect(after.status?.initContainerStatuses?.map((s) => [s.name, s.started, s.ready])).toEqual([
      ['setup', false, true],
      ['side', true, false],
    ]);
    expect(after.status?.conditions?.find((c) => c.type === 'Ready')?.message).toBe(
      'containers with unready status: [side]',
    );
  });
});

describe('the order of reports', () => {
  const spec = [container('a', { readinessProbe: probe })];
  const first = applied(pod(spec, [running('a')]), report([one('a')], { sequence: 5 }));
  const cases: [string, Partial<AgentReport>, string][] = [
    ['an older number', { sequence: 4 }, 'stale'],
    ['an earlier run of the agent, whatever its number', { sequence: 99, bootedAt: 4 }, 'stale'],
    ['the same one', { sequence: 5 }, 'repeated'],
    ['the next one that says the same', { sequence: 6 }, 'unchanged'],
    ['one after a gap, although it says the same', { sequence: 7 }, 'changed'],
    ['a later run of the agent', { sequence: 1, bootedAt: 6 }, 'changed'],
    ['other volumes', { sequence: 6, volumesRevision: 'r2' }, 'changed'],
  ];
  for (const [title, more, outcome] of cases) {
    it(`${title}: ${outcome}`, () => {
      expect(applyReport(first, report([one('a')], more), now).outcome).toBe(outcome);
    });
  }

  it('a report out of a gap does not undo a later one', () => {
    const later = applied(first, report([one('a')], { sequence: 8 }));
    expect(applyReport(later, report([one('a', { ready: false })], { sequence: 7 }), now).outcome).toBe('stale');
  });
});

describe('a status that was written from an older observation', () => {
  const spec = [container('a', { readinessProbe: probe }), container('b')];
  const reported = applied(pod(spec, [running('a'), running('b')]), report([one('a'), one('b')], { sequence: 5 }));
  const overwritten: Pod = {
    ...reported,
    status: {
      ...reported.status,
      containerStatuses: [
        running('a', undefined, { started: true }),
        running('b', undefined, { started: true, ready: true }),
      ],
    },
  };

  it('is put right by the next report, although that says nothing new', () => {
    const result = applyReport(overwritten, report([one('a'), one('b')], { sequence: 6 }), now);
    expect(result.outcome === 'changed' && statusOf(result.pod, 'a')).toEqual({ started: true, ready: true });
  });

  it('does not come to be where an observation is given the verdicts of the pod as it is', () => {
    const seen = (name: string, more: Partial<ObservedContainer> = {}): ObservedContainer => ({
      name,
      kind: 'regular',
      containerId: `ecs://run-${name}`,
      imageId: '',
      image: 'i',
      state: { running: { startedAt: earlier } },
      lastState: undefined,
      restartCount: 0,
      started: true,
      ready: false,
      ...more,
    });
    const observed = {
      ref: { namespace: 'default', name: 'p', uid: 'u' },
      nodeName: 'n',
      podIp: '',
      podIps: [],
      startTime: undefined,
      failure: undefined,
      finished: false,
      containers: [
        seen('a'),
        seen('b', { containerId: 'ecs://another' }),
        seen('c'),
        seen('a', { state: { terminated: { exitCode: 1 } }, started: false }),
      ],
    };
    expect(withLatestVerdicts(observed, reported).containers.map((c) => [c.name, c.started, c.ready])).toEqual([
      ['a', true, true],
      // Of another run, and of a container without a verdict, there is nothing newer.
      ['b', true, false],
      ['c', true, false],
      ['a', false, false],
    ]);
  });
});

describe('pods that have ended', () => {
  for (const phase of ['Succeeded', 'Failed'] as const)
    it(`${phase}: stay as they ended`, () => {
      expect(applyReport(pod([container('a')], [running('a')], { phase }), report([one('a')]), now)).toEqual({
        outcome: 'unchanged',
      });
    });
});

describe('what is read back', () => {
  it('of a pod without a report: containers with probes are not ready yet, the others are', () => {
    const bare = pod([], []);
    expect(probeStatus(bare, container('a'), 'x')).toEqual({ started: true, ready: true });
    expect(probeStatus(bare, container('a', { readinessProbe: probe }), 'x')).toEqual({ started: true, ready: false });
    expect(probeStatus(bare, container('a', { startupProbe: probe }), 'x')).toEqual({ started: false, ready: false });
    expect(failedProbe(bare, 'a', 'x')).toBeUndefined();
  });

  it('is the probe that failed, for that run of the container only', () => {
    const failed = { probe: 'liveness' as const, message: 'Liveness probe failed: x' };
    const after = applied(pod([container('a')], [running('a')]), report([one('a', { failed })]));
    expect(failedProbe(after, 'a', 'run-a')).toEqual(failed);
    expect(failedProbe(after, 'a', 'run-b')).toBeUndefined();
  });

  it('is nothing where somebody else wrote into the condition', () => {
    for (const message of [
      '',
      'x',
      'null',
      '[]',
      '1',
      '{}',
      '{"containers":null}',
      '{"sequence":"1","containers":{}}',
    ]) {
      const odd = pod([], [], { conditions: [{ type: agentCondition, status: 'True', message }] });
      expect(agentState(odd), message).toBeUndefined();
      expect(agentVerdict(odd, '__proto__', '')).toBeUndefined();
    }
  });

  it('has the id of a run without its scheme', () => {
    expect(['ecs://a-1', 'a-1', '', undefined].map(runIdOf)).toEqual(['a-1', 'a-1', '', '']);
  });
});
