import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { priority } from '@nodeless/registry/admission/priority';
import { ask, attributes, reader } from './attributes.ts';

const classes = [
  { metadata: { name: 'high' }, value: 1000 },
  { metadata: { name: 'polite' }, value: 500, preemptionPolicy: 'Never' },
];
const usual = { metadata: { name: 'usual' }, value: 7, globalDefault: true };
const read = (...more: object[]) => reader({ 'scheduling.k8s.io/priorityclasses': [...classes, ...more] });
const pod = (spec: Partial<PodSpec> = {}): Pod => ({
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: { containers: [], ...spec },
});

describe('Priority', () => {
  it.each([
    { name: 'no class', spec: {}, more: [], want: { priority: 0, preemptionPolicy: 'PreemptLowerPriority' } },
    {
      name: 'a default class',
      spec: {},
      more: [usual],
      want: { priorityClassName: 'usual', priority: 7, preemptionPolicy: 'PreemptLowerPriority' },
    },
    {
      name: 'a class',
      spec: { priorityClassName: 'high' },
      more: [usual],
      want: { priorityClassName: 'high', priority: 1000, preemptionPolicy: 'PreemptLowerPriority' },
    },
    {
      name: 'a class that waits',
      spec: { priorityClassName: 'polite' },
      more: [],
      want: { priority: 500, preemptionPolicy: 'Never' },
    },
    {
      name: 'a class and its own number',
      spec: { priorityClassName: 'high', priority: 1000 },
      more: [],
      want: { priority: 1000 },
    },
  ])('of a pod with $name', async ({ spec, more, want }) => {
    const made = pod(spec);
    expect(await ask(priority, attributes('pods', made), read(...more))).toBeUndefined();
    expect(made.spec).toMatchObject(want);
  });

  it.each([
    { spec: { priorityClassName: 'no' }, want: 'no PriorityClass with name no was found' },
    {
      spec: { priorityClassName: 'high', priority: 5 },
      want: 'the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
    },
    {
      spec: { priority: 5 },
      want: 'the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name',
    },
    {
      spec: { priorityClassName: 'polite', preemptionPolicy: 'PreemptLowerPriority' },
      want: 'the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name',
    },
  ])('is refused: $want', async ({ spec, want }) =>
    expect(await ask(priority, attributes('pods', pod(spec)), read())).toBe(`pods "p" is forbidden: ${want}`),
  );

  it('stays when an old client sends the pod back without it', async () => {
    const made = pod();
    const old = pod({ priority: 3, preemptionPolicy: 'Never' });
    await ask(priority, attributes('pods', made, { operation: 'UPDATE', oldObject: old as never }), read());
    expect(made.spec).toMatchObject({ priority: 3, preemptionPolicy: 'Never' });
  });

  it('has one default', async () => {
    const second = { kind: 'PriorityClass', metadata: { name: 'second' }, value: 1, globalDefault: true };
    expect(
      await ask(priority, attributes('scheduling.k8s.io/priorityclasses', second, { namespace: '' }), read(usual)),
    ).toBe(
      'priorityclasses.scheduling.k8s.io "second" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    );
    expect(
      await ask(
        priority,
        attributes('scheduling.k8s.io/priorityclasses', { ...usual }, { namespace: '', operation: 'UPDATE' }),
        read(usual),
      ),
    ).toBeUndefined();
  });
});
