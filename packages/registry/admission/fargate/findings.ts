/** What of a pod Fargate cannot do. Pure. */
import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { containerRules } from './container-rules.ts';
import { type FieldContext, type FieldRule, saysSomething } from './field-rule.ts';
import { podRules } from './pod-rules.ts';
import { volumeRules } from './volume-rules.ts';

export const fieldRules: readonly FieldRule[] = [...podRules, ...volumeRules, ...containerRules];

export interface Finding {
  readonly rule: FieldRule;
  /** `spec.containers[0].securityContext.privileged` */
  readonly field: string;
}

const kinds = ['initContainers', 'containers', 'ephemeralContainers'] as const;
const probes = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;

/** Fields that are refused, or (`ignored`) of no effect, in the order of the table. */
export function findingsOf(pod: Pod, state: 'refused' | 'ignored'): readonly Finding[] {
  const found: Finding[] = [];
  const look = (rule: FieldRule, prefix: string, root: unknown, path: string, context: FieldContext): void => {
    for (const [field, value] of values(root, path)) {
      const applies = rule.test ? value !== undefined && rule.test(value, context) : saysSomething(value);
      if (applies) found.push({ rule, field: `${prefix}${field}` });
    }
  };
  for (const rule of fieldRules) {
    if (rule.state !== state) continue;
    const [scope = '', ...rest] = rule.path.split('.');
    const path = rest.join('.');
    if (scope === 'spec') look(rule, '', pod, rule.path, { pod });
    for (const kind of scope === 'spec' ? [] : kinds) {
      (pod.spec?.[kind] ?? []).forEach((one, i) => {
        const container = one as Container;
        const context = { pod, container, kind };
        const at = `spec.${kind}[${i}].`;
        if (scope === 'container') look(rule, at, container, path, context);
        else for (const probe of probes) look(rule, `${at}${probe}.`, container[probe], path, context);
      });
    }
  }
  return found;
}

/** Every value at a path, with the path as it is: `[*]` stands for each member of a list. */
function* values(root: unknown, path: string): Generator<[string, unknown]> {
  const [step = '', ...rest] = path.split('.');
  const many = step.endsWith('[*]');
  const name = many ? step.slice(0, -3) : step;
  const value = typeof root === 'object' && root !== null ? (root as Record<string, unknown>)[name] : undefined;
  const members: [string, unknown][] = many
    ? (Array.isArray(value) ? value : []).map((member: unknown, i) => [`${name}[${i}]`, member])
    : [[name, value]];
  for (const [at, member] of members) {
    if (rest.length === 0) yield [at, member];
    else for (const [below, found] of values(member, rest.join('.'))) yield [`${at}.${below}`, found];
  }
}

/** `Fargate adds no other capability; use …` */
export function explain({ reason, only, alternative }: FieldRule): string {
  const text = `not on Fargate${only === undefined ? '' : ` (${only})`}: ${reason ?? ''}`;
  return alternative === undefined ? text : `${text}; instead: ${alternative}`;
}
