/** CloudFormation's events as lines that people read, and what can be done about those that tell of a failure. */
import type { StackEvent } from './cloud.ts';

/** `ClusterStateTable13E806D3` → `State Table`; others keep their name. */
export function readableName(logicalId: string): string {
  return (
    logicalId
      .replace(/^(?:Nodeless)?Cluster(?=[A-Z])/, '')
      .replace(/[0-9A-F]{8}$/, '')
      .replace(/(?<=[a-z])(?=[A-Z])/g, ' ') || logicalId
  );
}

export interface ProgressLine {
  readonly kind: 'done' | 'failed';
  readonly text: string;
}

/** Lines for what has ended; what begins is told when it ends, with how long it took. Keeps the beginnings. */
export function createProgress(): (event: StackEvent) => ProgressLine | undefined {
  const begun = new Map<string, number>();
  return ({ logicalId, type, status, reason, time, ofStack }) => {
    if (status.endsWith('_IN_PROGRESS')) {
      if (!begun.has(logicalId)) begun.set(logicalId, time);
      return undefined;
    }
    const seconds = Math.round((time - (begun.get(logicalId) ?? time)) / 1000);
    begun.delete(logicalId);
    const name = `${readableName(logicalId)} (${type})`;
    if (status.endsWith('_FAILED')) {
      // Of what was stopped because something else failed, the reason says nothing.
      if (/cancelled|canceled/i.test(reason ?? '')) return undefined;
      return { kind: 'failed', text: `${ofStack ? 'the stack' : name}: ${reason ?? status}` };
    }
    if (ofStack || status.startsWith('ROLLBACK') || status.startsWith('UPDATE_ROLLBACK')) return undefined;
    const verbs: Record<string, string> = {
      CREATE_COMPLETE: 'made',
      UPDATE_COMPLETE: 'changed',
      DELETE_COMPLETE: 'removed',
      DELETE_SKIPPED: 'left',
      IMPORT_COMPLETE: 'imported',
    };
    return { kind: 'done', text: `${name} ${verbs[status] ?? status}${seconds > 0 ? ` (${seconds} s)` : ''}` };
  };
}

const remedies: readonly [RegExp, string][] = [
  [
    /(?:VpcLimitExceeded|maximum number of VPCs)/i,
    'the region has as many VPCs as it may: delete one, put the cluster into your own, or have the quota raised (nodeless doctor --region shows how)',
  ],
  [
    /UnreservedConcurrentExecution|ReservedConcurrentExecutions? for function/i,
    'the account has too little Lambda concurrency to reserve any: leave reservedConcurrency out, or have the quota raised (nodeless doctor --region shows how)',
  ],
  [
    /not authorized to perform: ([a-z0-9-]+:[A-Za-z*]+)/,
    'whoever deploys lacks a permission: ask for $1, or use another --profile',
  ],
  [/already exists/i, 'something of this name is left from elsewhere: delete it, or choose another --cluster'],
  [
    /RegisterTaskDefinition|Throttling|Rate exceeded/i,
    'AWS asked for patience: deploy again, it goes on where it stopped',
  ],
  [
    /ECS service linked role|service-linked role/i,
    'the account has never used ECS: run "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com" once',
  ],
  [/nodejs24\.x|Runtime.*not supported/i, 'this region does not know Node 24 in Lambda yet: choose another --region'],
  [/deletion protection|DeletionProtection/i, 'the table is protected, as it should be: it stays when the stack goes'],
  [
    /DependencyViolation|has dependencies|currently in use|ENI|network interface/i,
    'network interfaces of tasks or load balancers are still there: wait some minutes and destroy again',
  ],
  [/could not be drained|still there:/, 'see what is still there, then destroy again'],
  [/No space left|insufficient.*addresses|not enough free addresses/i, 'a subnet has no free addresses left'],
];

/** What to do about a reason that CloudFormation gives; undefined when nobody foresaw it. */
export function remedyFor(reason: string): string | undefined {
  for (const [pattern, remedy] of remedies) {
    const match = pattern.exec(reason);
    if (match) return remedy.replace('$1', match[1] ?? '');
  }
  return undefined;
}
