/** The Pod Security Standard that a namespace's labels ask for. */
import { invalidValue } from '@nodeless/apimachinery/field-errors';
import type { FieldError } from '@nodeless/apimachinery/status';

export type Level = 'privileged' | 'baseline' | 'restricted';
export type Mode = 'enforce' | 'audit' | 'warn';

export interface Policy {
  readonly level: Level;
  /** `latest` or `v1.N`. */
  readonly version: string;
}

export type Policies = Readonly<Record<Mode, Policy>>;

export const labelPrefix = 'pod-security.kubernetes.io/';
const levels: readonly string[] = ['privileged', 'baseline', 'restricted'];

export const nameOf = ({ level, version }: Policy): string => `${level}:${version}`;

/** A policy is there also where labels are wrong: the strictest to enforce, none to audit or warn of. */
export function policyOf(labels: Readonly<Record<string, string>> | undefined): {
  policy: Policies;
  errors: readonly FieldError[];
} {
  const errors: FieldError[] = [];
  const fault = (label: string, value: string, text: string): void =>
    void errors.push(invalidValue(`metadata.labels[${label}]`, value, text));
  const of = (mode: Mode): Policy => {
    const [levelLabel, versionLabel] = [`${labelPrefix}${mode}`, `${labelPrefix}${mode}-version`];
    const [level = 'privileged', version = 'latest'] = [labels?.[levelLabel], labels?.[versionLabel]];
    const knownLevel = levels.includes(level);
    const knownVersion = version === 'latest' || /^v1\.(0|[1-9]\d*)$/.test(version);
    if (!knownLevel) fault(levelLabel, level, `must be one of ${levels.join(', ')}`);
    if (!knownVersion) fault(versionLabel, version, 'must be "latest" or "v1.x"');
    return {
      level: knownLevel ? (level as Level) : mode === 'enforce' ? 'restricted' : 'privileged',
      version: knownVersion ? version : 'latest',
    };
  };
  return { policy: { enforce: of('enforce'), audit: of('audit'), warn: of('warn') }, errors };
}

/** Positive where `a` is the stricter level. */
export function compareLevels(a: Level, b: Level): number {
  return levels.indexOf(a) - levels.indexOf(b);
}
