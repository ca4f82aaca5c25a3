import { type AuditPolicy, createAudit, defaultAuditPolicy } from '@nodeless/apiserver/audit';
import { openAuditFile } from '@nodeless/apiserver/audit-file';
import { Call } from '@nodeless/apiserver/call';
import type { ApiRequest } from '@nodeless/apiserver/exchange';
import { Query } from '@nodeless/apiserver/query';
import { type RequestInfo, requestInfo } from '@nodeless/apiserver/request-info';
import { silentLogger } from '@nodeless/component-base/logger';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const at = Date.parse('2026-01-02T03:04:05.678Z');

function call(method: string, target: string): Call {
  const [path = '', query = ''] = target.split('?');
  const request = {
    method,
    target,
    header: (name: string) => (name === 'user-agent' ? 'kubectl/v1' : undefined),
    remoteAddress: '10.0.0.9',
  } as ApiRequest;
  const made = new Call(
    request,
    new Query(query),
    requestInfo(method, path, new Query(query)) as RequestInfo,
    'audit-1',
    at,
    false,
  );
  made.user = { name: 'alice', uid: 'u1', groups: ['devs'] };
  return made;
}

function log(policy: AuditPolicy = defaultAuditPolicy) {
  const lines: string[] = [];
  const audit = createAudit({ policy, sink: { write: (line) => lines.push(line) }, now: () => at + 7 });
  return { audit, events: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('audit', () => {
  it('tells who did what to what, and how it ended', () => {
    const { audit, events } = log();
    const made = call('DELETE', '/api/v1/namespaces/prod/secrets/db?dryRun=All');
    made.annotate('authorization.k8s.io/decision', 'allow');
    audit.completed(made, 200, undefined);
    expect(events()).toEqual([
      {
        kind: 'Event',
        apiVersion: 'audit.k8s.io/v1',
        level: 'Metadata',
        auditID: 'audit-1',
        stage: 'ResponseComplete',
        requestURI: '/api/v1/namespaces/prod/secrets/db?dryRun=All',
        verb: 'delete',
        user: { username: 'alice', uid: 'u1', groups: ['devs'] },
        sourceIPs: ['10.0.0.9'],
        userAgent: 'kubectl/v1',
        objectRef: { resource: 'secrets', namespace: 'prod', name: 'db', apiVersion: 'v1' },
        responseStatus: { metadata: {}, code: 200 },
        requestReceivedTimestamp: '2026-01-02T03:04:05.678000Z',
        stageTimestamp: '2026-01-02T03:04:05.685000Z',
        annotations: { 'authorization.k8s.io/decision': 'allow' },
      },
    ]);
  });

  it('names both users of an impersonation and the message of a failure', () => {
    const { audit, events } = log();
    const made = call('GET', '/api/v1/pods');
    made.impersonator = { name: 'root', groups: [] };
    audit.completed(made, 403, 'no');
    expect(events()[0]).toMatchObject({
      user: { username: 'root' },
      impersonatedUser: { username: 'alice' },
      responseStatus: { status: 'Failure', message: 'no', code: 403 },
    });
  });

  it('has two stages for what runs long', () => {
    const { audit, events } = log();
    const made = call('GET', '/api/v1/pods?watch=1');
    audit.started(made, 200);
    audit.completed(made, 200, undefined);
    audit.started(call('GET', '/api/v1/pods'), 200);
    expect(events().map(({ stage }) => stage)).toEqual(['ResponseStarted', 'ResponseComplete']);
  });

  it.each([
    ['GET', '/livez/ping', 0],
    ['PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n', 0],
    ['DELETE', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n', 1],
    ['GET', '/api/v1/secrets', 1],
    ['GET', '/apis', 1],
  ])('by default: %s %s', (method, target, count) => {
    const { audit, events } = log();
    audit.completed(call(method, target), 200, undefined);
    expect(events()).toHaveLength(count);
  });

  it('follows the first rule that matches', () => {
    const { audit, events } = log({
      rules: [
        { level: 'None', users: ['bob'] },
        { level: 'None', verbs: ['get'], resources: [{ group: '', resources: ['pods'] }], namespaces: ['a'] },
        { level: 'Metadata', userGroups: ['devs'] },
      ],
    });
    audit.completed(call('GET', '/api/v1/namespaces/a/pods/p'), 200, undefined);
    audit.completed(call('GET', '/api/v1/namespaces/b/pods/p'), 200, undefined);
    const bob = call('POST', '/api/v1/namespaces/b/pods');
    bob.user = { name: 'bob', groups: ['devs'] };
    audit.completed(bob, 201, undefined);
    const other = call('POST', '/api/v1/namespaces/b/pods');
    other.user = { name: 'eve', groups: [] };
    audit.completed(other, 201, undefined);
    expect(events().map(({ requestURI }) => requestURI)).toEqual(['/api/v1/namespaces/b/pods/p']);
  });
});

describe('audit file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nodeless-audit-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('gets whole lines, is private, and is appended to', async () => {
    const path = join(folder, 'audit.log');
    for (const text of ['one', 'two']) {
      const file = await openAuditFile({ path, log: silentLogger });
      file.write(`{"line":"${text}"}`);
      await file.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('{"line":"one"}\n{"line":"two"}\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('makes way for a new one when it is full', async () => {
    const path = join(folder, 'full.log');
    for (const text of ['old', 'new']) {
      const file = await openAuditFile({ path, maxBytes: 2, log: silentLogger });
      file.write(text);
      await file.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('new\n');
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('old\n');
  });
});
