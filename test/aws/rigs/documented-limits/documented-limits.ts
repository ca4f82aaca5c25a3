import { sqsLimits } from './sqs.ts';

/** What a service refuses although its model allows it: rules that stand only in its documentation. */
export type LimitRules = Readonly<Record<string, (input: Readonly<Record<string, unknown>>) => readonly string[]>>;

const rules: LimitRules = { ...sqsLimits };

/** `operation`: `sqs:SendMessage`. */
export function documentedLimits(operation: string, input: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.hasOwn(rules, operation) ? rules[operation]!(input) : [];
}
