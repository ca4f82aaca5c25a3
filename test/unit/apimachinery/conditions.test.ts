import { expect, it } from 'vitest';
import {
  findCondition,
  isConditionTrue,
  validateConditions,
  withCondition,
  withoutCondition,
} from '@nodeless/apimachinery/conditions';
import { path } from '@nodeless/apimachinery/field-errors';
import { scaledValue, scaledValueOrError, parsePercent } from '@nodeless/apimachinery/int-or-string';
import {
  controllerOf,
  controllerReference,
  isControlledBy,
  ownerReference,
  refersToKind,
} from '@nodeless/apimachinery/owner-references';
import { isPodActive, isPodAvailable, isPodReady, isPodTerminal } from '@nodeless/apimachinery/pod-conditions';
import { newUid } from '@nodeless/apimachinery/uid';

const now = '2030-01-01T00:00:00Z';
const later = '2030-01-02T00:00:00Z';

it('a condition keeps its time while its status stays', () => {
  const first = withCondition<{ type: string; status: string; reason?: string; lastTransitionTime?: string | null }>(
    undefined,
    { type: 'Ready', status: 'False', reason: 'A' },
    now,
  );
  expect(first).toEqual([{ type: 'Ready', status: 'False', reason: 'A', lastTransitionTime: now }]);
  expect(withCondition(first, { type: 'Ready', status: 'False', reason: 'A' }, later)).toBe(first);
  const second = withCondition(first, { type: 'Ready', status: 'False', reason: 'B' }, later);
  expect(second).toEqual([{ type: 'Ready', status: 'False', reason: 'B', lastTransitionTime: now }]);
  const third = withCondition(second, { type: 'Ready', status: 'True' }, later);
  expect(findCondition(third, 'Ready')?.lastTransitionTime).toBe(later);
  expect(isConditionTrue(third, 'Ready')).toBe(true);
  expect(withoutCondition(third, 'Zig')).toBe(third);
  expect(withoutCondition(third, 'Ready')).toEqual([]);
});

it('conditions of a request in the words of upstream', () => {
  const good = { type: 'a/B', status: 'True', lastTransitionTime: now, reason: 'Good', message: '' };
  expect(validateConditions([good], path('status', 'conditions'))).toEqual([]);
  const errors = validateConditions(
    [good, { ...good, status: 'Yes', reason: '1', observedGeneration: -1, lastTransitionTime: '' }],
    path('status', 'conditions'),
  );
  expect(errors.map((e) => `${e.field}: ${e.message}`)).toEqual([
    'status.conditions[1].type: Duplicate value: "a/B"',
    'status.conditions[1].status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"',
    'status.conditions[1].observedGeneration: Invalid value: -1: must be greater than or equal to zero',
    'status.conditions[1].lastTransitionTime: Required value',
    `status.conditions[1].reason: Invalid value: "1": a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')`,
  ]);
});

it('owners', () => {
  const owner = { metadata: { name: 'o', uid: 'u' } };
  const type = { group: 'apps', version: 'v1', kind: 'ReplicaSet' };
  const reference = controllerReference(owner, type);
  expect(reference).toEqual({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'o',
    uid: 'u',
    controller: true,
    blockOwnerDeletion: true,
  });
  const object = {
    metadata: { ownerReferences: [ownerReference({ metadata: { name: 'x', uid: 'x' } }, type), reference] },
  };
  expect(controllerOf(object)).toBe(reference);
  expect(isControlledBy(object, owner)).toBe(true);
  expect(isControlledBy(object, { metadata: {} })).toBe(false);
  expect(refersToKind({ ...reference, apiVersion: 'apps/v9' }, 'apps', 'ReplicaSet')).toBe(true);
  expect(refersToKind(reference, '', 'ReplicaSet')).toBe(false);
  expect(newUid()).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
});

it('int or percentage', () => {
  expect(scaledValue('25%', 10, 'up')).toBe(3);
  expect(scaledValue('25%', 10, 'down')).toBe(2);
  expect(scaledValue(4, 10, 'up')).toBe(4);
  expect(scaledValue(undefined, 10, 'up')).toBe(0);
  expect(scaledValue('x', 10, 'up')).toBe(0);
  expect(parsePercent('25')).toBeUndefined();
  expect(scaledValueOrError('25', 10, 'up')).toEqual(
    new Error('invalid value for IntOrString: invalid type: string is not a percentage'),
  );
  expect(scaledValueOrError('x%', 10, 'up')).toEqual(
    new Error('invalid value for IntOrString: invalid value "x%": strconv.Atoi: parsing "x": invalid syntax'),
  );
  expect(scaledValueOrError('50%', 10, 'up')).toBe(5);
});

it('pods', () => {
  const ready = {
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now }] },
  };
  const at = Date.parse(now);
  expect(isPodReady(ready)).toBe(true);
  expect(isPodReady({ status: {} })).toBe(false);
  expect(isPodAvailable(ready, 0, at)).toBe(true);
  expect(isPodAvailable(ready, 10, at + 9_999)).toBe(false);
  expect(isPodAvailable(ready, 10, at + 10_000)).toBe(true);
  expect(isPodTerminal({ status: { phase: 'Failed' } })).toBe(true);
  expect(isPodActive(ready)).toBe(true);
  expect(isPodActive({ ...ready, metadata: { deletionTimestamp: now } })).toBe(false);
});
