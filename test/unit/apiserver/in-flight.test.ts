import { createInFlight, isLongRunning } from '@nodeless/apiserver/in-flight';
import { Query } from '@nodeless/apiserver/query';
import { type RequestInfo, requestInfo } from '@nodeless/apiserver/request-info';
import { describe, expect, it } from 'vitest';

const of = (method: string, path: string, query = ''): RequestInfo =>
  requestInfo(method, path, new Query(query)) as RequestInfo;
const user = { name: 'u', groups: [] };
const master = { name: 'm', groups: ['system:masters'] };

describe('in flight', () => {
  it('counts reads and writes apart and gives places back', () => {
    const inFlight = createInFlight({ readOnly: 1, mutating: 1 });
    const leave = inFlight.enter(of('GET', '/api/v1/pods'), user);
    expect(inFlight.enter(of('GET', '/healthz'), user)).toBe('refused');
    expect(inFlight.enter(of('POST', '/api/v1/namespaces'), user)).toBeTypeOf('function');
    expect(inFlight.enter(of('DELETE', '/api/v1/namespaces/x'), user)).toBe('refused');
    expect(inFlight.counts).toEqual({ readOnly: 1, mutating: 1 });
    if (typeof leave === 'function') leave();
    expect(inFlight.enter(of('GET', '/api/v1/pods'), user)).toBeTypeOf('function');
  });
  it('lets the privileged and the long-running pass', () => {
    const inFlight = createInFlight({ readOnly: 0, mutating: 0 });
    expect(inFlight.enter(of('GET', '/api/v1/pods'), master)).toBeUndefined();
    expect(inFlight.enter(of('GET', '/api/v1/pods', 'watch=1'), user)).toBeUndefined();
    expect(inFlight.enter(of('GET', '/api/v1/pods'), user)).toBe('refused');
  });
  it.each([
    ['/api/v1/namespaces/a/pods/b/log', true],
    ['/api/v1/namespaces/a/pods/b/exec', true],
    ['/api/v1/nodes/n/proxy/x', true],
    ['/api/v1/namespaces/a/pods/b/status', false],
    ['/healthz/log', false],
  ])('%s is long-running: %s', (path, long) => expect(isLongRunning(of('GET', path))).toBe(long));
});
