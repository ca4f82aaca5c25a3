import { managedFieldsFromScale, managedFieldsOfScale } from '@nodeless/apimachinery/apply/scale-managed-fields';
import { describe, expect, it } from 'vitest';

const scale = {
  apiVersion: 'apps/v1',
  replicasPath: (version: string) =>
    version === 'apps/v1' ? ['spec', 'replicas'] : version === 'apps/v0' ? null : undefined,
};
const entry = (manager: string, operation: string, fieldsV1: object, more: object = {}) => ({
  manager,
  operation,
  apiVersion: 'apps/v1',
  time: '2024-01-01T00:00:00Z',
  fieldsType: 'FieldsV1',
  fieldsV1: fieldsV1 as Record<string, unknown>,
  ...more,
});
const both = { 'f:spec': { 'f:paused': {}, 'f:replicas': {} } };
const replicas = { 'f:spec': { 'f:replicas': {} } };
const brief = (
  entries:
    | readonly {
        manager?: string;
        operation?: string;
        apiVersion?: string;
        time?: unknown;
        fieldsV1?: object;
        subresource?: string;
      }[]
    | undefined,
) =>
  entries?.map((e) => [
    e.manager,
    e.operation,
    e.apiVersion,
    JSON.stringify(e.fieldsV1),
    e.time !== undefined,
    e.subresource ?? '',
  ]);

describe('managed fields of a Scale', () => {
  it('are those of the owners of the replicas, in terms of Scale', () => {
    const entries = [
      entry('a', 'Apply', both),
      entry('b', 'Update', { 'f:spec': { 'f:paused': {} } }),
      entry('c', 'Update', replicas),
      entry('d', 'Apply', replicas, { apiVersion: 'apps/v9' }),
    ];
    expect(brief(managedFieldsOfScale(entries, scale))).toEqual([
      ['a', 'Apply', 'autoscaling/v1', '{"f:spec":{"f:replicas":{}}}', true, ''],
      ['c', 'Update', 'autoscaling/v1', '{"f:spec":{"f:replicas":{}}}', true, ''],
    ]);
    expect(managedFieldsOfScale(undefined, scale)).toBeUndefined();
  });

  it('come back: a new owner takes the replicas from those who had them', () => {
    const parent = [
      entry('a', 'Apply', both),
      entry('b', 'Update', { 'f:spec': { 'f:paused': {} } }),
      entry('z', 'Apply', replicas, { apiVersion: 'apps/v9' }),
    ];
    const ofScale = [
      { ...entry('scaler', 'Update', replicas, { subresource: 'scale' }), apiVersion: 'autoscaling/v1' },
    ];
    expect(brief(managedFieldsFromScale(parent, ofScale, scale))).toEqual([
      ['a', 'Apply', 'apps/v1', '{"f:spec":{"f:paused":{}}}', true, ''],
      ['scaler', 'Update', 'apps/v1', '{"f:spec":{"f:replicas":{}}}', false, 'scale'],
      ['b', 'Update', 'apps/v1', '{"f:spec":{"f:paused":{}}}', true, ''],
    ]);
  });

  it('stay with an applier that still has them', () => {
    const parent = [entry('a', 'Apply', both)];
    expect(managedFieldsFromScale(parent, managedFieldsOfScale(parent, scale), scale)).toEqual(parent);
  });
});
