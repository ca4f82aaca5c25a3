import type { Faults } from '../checks.ts';

/** What an expression may refer to and what it must come to. */
export interface Scope {
  readonly params: boolean;
  readonly authorizer: boolean;
  readonly result: 'bool' | 'string' | 'stringOrNull' | 'any' | 'object' | 'patches';
  /** Names under `variables`. Absent: there is no such root. */
  readonly variables?: readonly string[];
}

export function checkExpression(_faults: Faults, _path: string, _expression: string, _scope: Scope): void {
  // Not yet.
}
