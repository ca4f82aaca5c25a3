import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fieldRules } from '@nodeless/registry/admission/fargate/findings';

type Field = readonly [name: string, type: string, ...rest: unknown[]];
const types: unknown = JSON.parse(readFileSync('packages/apimachinery/generated/types.json', 'utf8'));
const core = (types as Record<string, { types: Record<string, readonly [unknown, ...Field[]]> }>)['io.k8s.api.core.v1']
  ?.types as Record<string, readonly [unknown, ...Field[]]>;

/** Where the table has a notation of its own for what stands in several places. */
const elsewhere: Record<string, string> = { Container: 'container', EphemeralContainer: '', Probe: 'probe' };

/** Every path of a type down to its plain values, in the notation of the table. */
function* paths(type: string, at: string): Generator<string> {
  for (const [name, kind] of (core[type] ?? []).slice(1) as Field[]) {
    const struct = /#(\w+)$/.exec(kind)?.[1];
    const isList = kind.startsWith('[]');
    // Embedded: its members stand beside the others.
    const path = name === '' ? at : `${at}.${name}`;
    if (struct === undefined || core[struct] === undefined) yield path;
    else if (Object.hasOwn(elsewhere, struct)) yield path;
    else yield* paths(struct, isList && name !== '' ? `${path}[*]` : path);
  }
}

const rows = new Set(fieldRules.map((rule) => rule.path));
const isCovered = (path: string): boolean => {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.'))))
    if (rows.has(at) || rows.has(at.replace(/\[\*\]$/, ''))) return true;
  return false;
};

describe('the table of pod fields on Fargate', () => {
  const all = [...paths('PodSpec', 'spec'), ...paths('Container', 'container'), ...paths('Probe', 'probe')];

  test('sees the schema', () => {
    expect(all.length).toBeGreaterThan(250);
    for (const path of [
      'spec.hostNetwork',
      'spec.volumes[*].emptyDir.medium',
      'container.ports[*].hostPort',
      'probe.grpc.port',
    ])
      expect(all).toContain(path);
  });

  test('has a row for every field', () => {
    expect(all.filter((path) => !isCovered(path))).toEqual([]);
  });

  test('has no row for what is no field', () => {
    const known = new Set<string>();
    for (const path of all)
      for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
        known.add(at);
        known.add(at.replace(/\[\*\]$/, ''));
      }
    expect([...rows].filter((path) => !known.has(path))).toEqual([]);
  });

  test('says of each refused field why, and of cases which', () => {
    for (const rule of fieldRules) {
      if (rule.state !== 'supported') expect(rule.reason, rule.path).toMatch(/\w/);
      expect(rule.test === undefined, rule.path).toBe(rule.only === undefined);
    }
  });

  test('is what docs/compatibility.md says', () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/verify-compatibility.mjs'], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
