/** The audit log: who asked for what and how it ended, one audit.k8s.io/v1 event a line. */
import type { UserInfo } from '@nodeless/registry/strategy';
import type { Call } from './call.ts';
import { isLongRunning } from './in-flight.ts';

export type AuditLevel = 'None' | 'Metadata';

/** The first rule that matches decides; absent members match everything. */
export interface AuditRule {
  readonly level: AuditLevel;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  /** By group; no resources = all of the group. */
  readonly resources?: readonly { readonly group: string; readonly resources?: readonly string[] }[];
  readonly namespaces?: readonly string[];
  /** Non-resource paths; `*` at the end matches the rest. */
  readonly nonResourceURLs?: readonly string[];
}

export interface AuditPolicy {
  readonly rules: readonly AuditRule[];
}

/** Everything but what only tells that the cluster is alive. */
export const defaultAuditPolicy: AuditPolicy = {
  rules: [
    { level: 'None', nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version', '/metrics'] },
    {
      level: 'None',
      verbs: ['get', 'update', 'patch'],
      resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }],
    },
    { level: 'Metadata' },
  ],
};

/** Takes whole lines, without waiting and without throwing. */
export interface AuditSink {
  write(line: string): void;
}

export interface Audit {
  /** When the answer to a long-running request begins. */
  started(call: Call, code: number): void;
  /** When a request has been answered. Bodies never appear: secrets are in them. */
  completed(call: Call, code: number, message: string | undefined): void;
}

export function createAudit(deps: { policy: AuditPolicy; sink: AuditSink; now: () => number }): Audit {
  const write = (stage: string, call: Call, code: number, message: string | undefined): void => {
    if (levelOf(deps.policy, call) === 'None') return;
    deps.sink.write(JSON.stringify(event(stage, call, code, message, deps.now())));
  };
  return {
    started(call, code) {
      if (isLongRunning(call.info)) write('ResponseStarted', call, code, undefined);
    },
    completed: (call, code, message) => write('ResponseComplete', call, code, message),
  };
}

function levelOf(policy: AuditPolicy, call: Call): AuditLevel {
  return policy.rules.find((rule) => matches(rule, call))?.level ?? 'None';
}

function matches(rule: AuditRule, { user, info }: Call): boolean {
  if (rule.users && !rule.users.includes(user.name)) return false;
  if (rule.userGroups && !rule.userGroups.some((group) => user.groups.includes(group))) return false;
  if (rule.verbs && !rule.verbs.includes(info.verb)) return false;
  if (rule.nonResourceURLs) return !info.isResource && rule.nonResourceURLs.some((url) => pathMatches(url, info.path));
  if (!rule.resources && !rule.namespaces) return true;
  if (!info.isResource) return false;
  if (rule.namespaces && !rule.namespaces.includes(info.namespace)) return false;
  return (
    !rule.resources ||
    rule.resources.some(
      ({ group, resources }) => group === info.group && (!resources || resources.includes(info.resource)),
    )
  );
}

const pathMatches = (rule: string, path: string): boolean =>
  rule.endsWith('*') ? path.startsWith(rule.slice(0, -1)) : rule === path;

const auditUser = ({ name, uid, groups, extra }: UserInfo): object => ({ username: name, uid, groups, extra });
const micro = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');

function event(stage: string, call: Call, code: number, message: string | undefined, now: number): object {
  const { info, request } = call;
  const objectRef = info.isResource
    ? {
        resource: info.resource,
        namespace: info.namespace || undefined,
        name: info.name || undefined,
        apiGroup: info.group || undefined,
        apiVersion: info.version,
        subresource: info.subresource || undefined,
      }
    : undefined;
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: call.auditId,
    stage,
    requestURI: request.target,
    verb: info.verb,
    user: auditUser(call.impersonator ?? call.user),
    impersonatedUser: call.impersonator ? auditUser(call.user) : undefined,
    sourceIPs: request.remoteAddress === '' ? undefined : [request.remoteAddress],
    userAgent: request.header('user-agent'),
    objectRef,
    responseStatus: { metadata: {}, ...(message === undefined ? {} : { status: 'Failure', message }), code },
    requestReceivedTimestamp: micro(call.receivedAt),
    stageTimestamp: micro(now),
    annotations: call.annotations ? Object.fromEntries(call.annotations) : undefined,
  };
}
