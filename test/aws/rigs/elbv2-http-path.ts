/** What a listener of an application load balancer does with a request: rules in order, then the action. */
import { type IncomingMessage, type Server, type ServerResponse, createServer, request } from 'node:http';
import { type Action, type Condition, type State, type TargetGroup, groupsOf } from './elbv2-state.ts';
import type { Dial, Targets } from './elbv2-targets.ts';

/** `*` stands for any characters, `?` for one; hosts are compared without case. */
export function matchesPattern(pattern: string, text: string, ignoreCase = false): boolean {
  const source = [...pattern].map((c) => (c === '*' ? '.*' : c === '?' ? '.' : c.replace(/[\\^$.|+()[\]{}]/g, '\\$&')));
  return new RegExp(`^${source.join('')}$`, ignoreCase ? 'is' : 's').test(text);
}

function holds(condition: Condition, host: string, path: string): boolean {
  const values = condition.HostHeaderConfig?.Values ?? condition.PathPatternConfig?.Values ?? condition.Values ?? [];
  return condition.Field === 'host-header'
    ? values.some((value) => matchesPattern(value, host, true))
    : values.some((value) => matchesPattern(value, path));
}

/** The actions for a request: those of the first rule that matches, else the listener's own. */
export function actionsFor(state: State, listenerArn: string, host: string, path: string): readonly Action[] {
  const rules = [...state.rules.values()]
    .filter((rule) => rule.listenerArn === listenerArn)
    .toSorted((a, b) => a.priority - b.priority);
  const found = rules.find(({ conditions }) => conditions.every((condition) => holds(condition, host, path)));
  return found?.actions ?? state.listeners.get(listenerArn)?.actions ?? [];
}

export function createHttpListener(options: {
  readonly state: State;
  readonly targets: Targets;
  readonly dial: Dial;
  readonly listenerArn: string;
  readonly turn: () => number;
}): Server {
  const { state, targets, dial, listenerArn, turn } = options;
  const answer = (response: ServerResponse, status: number, headers: Record<string, string>, body = ''): void => {
    response.writeHead(status, headers);
    response.end(body);
  };
  const forward = (group: TargetGroup | undefined, incoming: IncomingMessage, response: ServerResponse): void => {
    const eligible = group ? targets.eligible(group) : [];
    const target = eligible[turn() % Math.max(eligible.length, 1)];
    if (!target) return answer(response, 503, {});
    const onward = request({
      createConnection: () => dial(target.id, target.port),
      method: incoming.method,
      path: incoming.url,
      headers: { ...incoming.headers, connection: 'close' },
    });
    onward.on('error', () => (response.headersSent ? response.destroy() : answer(response, 502, {})));
    onward.on('response', (far) => {
      response.writeHead(far.statusCode ?? 502, far.headers);
      far.pipe(response);
    });
    incoming.pipe(onward);
  };
  return createServer((incoming, response) => {
    const host = (incoming.headers.host ?? '').replace(/:\d+$/, '');
    const path = (incoming.url ?? '/').replace(/\?.*$/, '');
    const listener = state.listeners.get(listenerArn);
    if (state.loadBalancers.get(listener?.loadBalancerArn ?? '')?.state !== 'active') {
      incoming.socket.destroy();
      return;
    }
    const [action] = actionsFor(state, listenerArn, host, path);
    if (action?.Type === 'fixed-response') {
      const { StatusCode, ContentType = 'text/plain', MessageBody } = action.FixedResponseConfig ?? {};
      return answer(response, Number(StatusCode), { 'content-type': ContentType }, MessageBody);
    }
    if (action?.Type === 'redirect') {
      const { Protocol = '', Host = '', Port = '', Path = '', StatusCode } = action.RedirectConfig ?? {};
      const location = `${Protocol.toLowerCase()}://${Host.replace('#{host}', host)}:${Port}${Path.replace('/#{path}', path)}`;
      return answer(response, StatusCode === 'HTTP_301' ? 301 : 302, { location });
    }
    forward(state.targetGroups.get(groupsOf(action ? [action] : [])[0] ?? ''), incoming, response);
  });
}
