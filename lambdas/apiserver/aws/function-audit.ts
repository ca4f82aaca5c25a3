/** The audit log of a function is its own log, whose lines are paid for by the byte: who changed what, and who looked at secrets. */
import { type Audit, type AuditPolicy, createAudit, defaultAuditPolicy } from '../audit.ts';

const reads = ['get', 'list', 'watch', 'head', 'options'];

export const functionAuditPolicy: AuditPolicy = {
  rules: [
    { level: 'Metadata', resources: [{ group: '', resources: ['secrets'] }] },
    { level: 'None', verbs: reads },
    {
      level: 'None',
      resources: [
        { group: '', resources: ['events'] },
        { group: 'events.k8s.io', resources: ['events'] },
      ],
    },
    ...defaultAuditPolicy.rules,
  ],
};

export function createFunctionAudit(
  now: () => number,
  write = (text: string): unknown => process.stdout.write(text),
): Audit {
  return createAudit({ policy: functionAuditPolicy, sink: { write: (line) => void write(`${line}\n`) }, now });
}
