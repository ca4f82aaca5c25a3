import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { HTTPIngressPath, Ingress, IngressSpec } from '@nodeless/apimachinery/generated/types/networking/v1';
import { type ApplicationInput, buildApplicationModel } from '@nodeless/controllers/ingress/application-model';
import { parseAction } from '@nodeless/controllers/ingress/ingress-actions';
import { groupOf, groupsConcerned } from '@nodeless/controllers/ingress/ingress-groups';
import { routesOf } from '@nodeless/controllers/ingress/ingress-paths';
import { describe, expect, it } from 'vitest';
import { aService } from '../../../builders/objects.ts';

const prefix = 'alb.ingress.kubernetes.io/';
const to = (name: string, port: number | string = 80) => ({
  service: { name, port: typeof port === 'number' ? { number: port } : { name: port } },
});
const ingress = (name: string, spec: IngressSpec, annotations: Record<string, string> = {}): Ingress => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [prefix + key, value])),
  },
  spec,
});
const path = (pathType: string, value: string, name = 'web'): HTTPIngressPath => ({
  pathType,
  path: value,
  backend: to(name),
});
const at = (host: string, ...paths: HTTPIngressPath[]): IngressSpec => ({ rules: [{ host, http: { paths } }] });

function build(
  members: readonly Ingress[],
  more: Partial<ApplicationInput> = {},
  services: readonly Service[] = [aService('web'), aService('api')],
) {
  return buildApplicationModel({
    group: { name: 'g' },
    members,
    around: {
      cluster: 'test',
      subnets: { public: ['subnet-p1', 'subnet-p2'], private: [] },
      backendSecurityGroup: 'sg-backend',
      vpcCidrs: ['10.0.0.0/16'],
      defaultScheme: 'internal',
    },
    service: (_namespace, name) => services.find(({ metadata }) => metadata?.name === name),
    targets: () => [{ address: '10.0.0.1', port: 8080 }],
    certificateFor: () => undefined,
    ...more,
  });
}
const rulesOf = (members: readonly Ingress[]): string[] =>
  (build(members).stack.listeners[0]?.rules ?? []).map(({ hosts, paths }) => `${hosts.join()} ${paths.join()}`);
const told = (members: readonly Ingress[]): string[] =>
  [...build(members).notices.values()].flat().map(({ reason, message }) => `${reason} ${message}`);

describe('paths', () => {
  it.each<[string, string, readonly string[] | undefined]>([
    ['Exact', '/a', ['/a']],
    ['Exact', '/a/', ['/a/']],
    ['Prefix', '/', ['/*']],
    ['Prefix', '/a', ['/a', '/a/*']],
    ['Prefix', '/a/', ['/a', '/a/*']],
    ['ImplementationSpecific', '/a/*', ['/a/*']],
    ['ImplementationSpecific', '', ['/*']],
    ['Prefix', '/a*', undefined],
    ['Exact', '/a?', undefined],
    ['Exact', '/a%20b', undefined],
    ['Exact', '/a|b', undefined],
    ['Exact', '/~a/b.c:d@e', ['/~a/b.c:d@e']],
    ['Exact', `/${'a'.repeat(128)}`, undefined],
  ])('%s %s', (pathType, value, patterns) => {
    const { routes, problems } = routesOf(ingress('x', at('h', path(pathType, value))));
    expect(routes[0]?.patterns).toEqual(patterns);
    expect(problems).toHaveLength(patterns ? 0 : 1);
  });

  it('are tried named hosts first, exact first, the longest prefix first', () => {
    const spec: IngressSpec = {
      rules: [
        { http: { paths: [path('Prefix', '/')] } },
        { host: '*.example.com', http: { paths: [path('Prefix', '/')] } },
        {
          host: 'a.example.com',
          http: {
            paths: [
              path('ImplementationSpecific', '/z*'),
              path('Prefix', '/'),
              path('Prefix', '/long/er'),
              path('Exact', '/x'),
            ],
          },
        },
      ],
    };
    expect(rulesOf([ingress('x', spec)])).toEqual([
      'a.example.com /x',
      'a.example.com /long/er,/long/er/*',
      'a.example.com /*',
      'a.example.com /z*',
      '*.example.com /*',
      ' /*',
    ]);
  });
});

describe('a group of ingresses', () => {
  it('is in order of its numbers, then of its names', () => {
    const of = (name: string, order?: string): Ingress =>
      ingress(name, at(name, path('Prefix', '/')), order === undefined ? {} : { 'group.order': order });
    expect(rulesOf([of('c', '-1'), of('b'), of('a'), of('d', '5')])).toEqual(['c /*', 'a /*', 'b /*', 'd /*']);
  });

  it('shares a target group for one port of a Service', () => {
    const { stack } = build([ingress('a', at('a', path('Prefix', '/'))), ingress('b', at('b', path('Prefix', '/')))]);
    expect(stack.targetGroups).toHaveLength(1);
    expect(stack.targetGroups[0]).toMatchObject({
      protocol: 'HTTP',
      protocolVersion: 'HTTP1',
      port: 80,
      tags: { 'nodeless.dev/backend': 'default/web' },
    });
  });

  it('listens where each says, and redirects to HTTPS', () => {
    const { stack } = build([
      ingress('a', at('a', path('Prefix', '/')), {
        'listen-ports': '[{"HTTP": 80}, {"HTTPS": 443}]',
        'certificate-arn': 'arn:1',
        'ssl-redirect': '443',
        'inbound-cidrs': '10.0.0.0/8',
      }),
      ingress('b', at('b', path('Prefix', '/')), { 'listen-ports': '[{"HTTP": 8080}]' }),
    ]);
    expect(
      stack.listeners.map(({ port, protocol, certificates, action, rules }) => [
        port,
        protocol,
        certificates,
        action.do,
        rules.length,
      ]),
    ).toEqual([
      [80, 'HTTP', [], 'redirect', 0],
      [443, 'HTTPS', ['arn:1'], 'respond', 1],
      [8080, 'HTTP', [], 'redirect', 0],
    ]);
    expect(stack.securityGroup?.ingress.map(({ port, cidr }) => `${port} ${cidr}`)).toEqual([
      '80 10.0.0.0/8',
      '443 10.0.0.0/8',
      '8080 0.0.0.0/0',
    ]);
  });

  it('is HTTPS where there is TLS, with certificates by host', () => {
    const member = ingress('a', { ...at('a.example.com', path('Prefix', '/')), tls: [{ hosts: ['b.example.com'] }] });
    const { stack } = build([member], { certificateFor: (host) => `arn:${host}` });
    expect(stack.listeners).toMatchObject([
      { port: 443, protocol: 'HTTPS', certificates: ['arn:b.example.com', 'arn:a.example.com'] },
    ]);
    expect(told([member])[0]).toMatch(/^CertificateNotFound .*b\.example\.com/);
  });

  it('has its backend settings from the Service before the Ingress', () => {
    const service = aService('web');
    service.metadata = { ...service.metadata, annotations: { [`${prefix}healthcheck-path`]: '/service' } };
    const member = ingress(
      'a',
      { defaultBackend: to('web') },
      {
        'healthcheck-path': '/ingress',
        'success-codes': '200-299',
        'backend-protocol': 'HTTPS',
        'target-group-attributes': 'stickiness.enabled=true',
      },
    );
    const { stack } = build([member], {}, [service]);
    expect(stack.targetGroups[0]).toMatchObject({
      protocol: 'HTTPS',
      healthCheck: {
        protocol: 'HTTPS',
        path: '/service',
        successCodes: '200-299',
        intervalSeconds: 15,
        timeoutSeconds: 5,
      },
      attributes: { 'stickiness.enabled': 'true', 'deregistration_delay.timeout_seconds': '15' },
    });
    expect(stack.listeners[0]?.action).toMatchObject({ do: 'forward' });
  });

  it.each<[string, Ingress, RegExp]>([
    [
      'a Service that is not there',
      ingress('a', { defaultBackend: to('nobody') }),
      /BackendNotFound there is no Service nobody/,
    ],
    [
      'a port that is not there',
      ingress('a', { defaultBackend: to('web', 'http') }),
      /BackendNotFound Service web has no TCP port http/,
    ],
    [
      'a resource as backend',
      ingress('a', { defaultBackend: { resource: { kind: 'X', name: 'x' } } }),
      /UnsupportedBackend/,
    ],
    ['authentication', ingress('a', {}, { 'auth-type': 'oidc' }), /UnsupportedAnnotation .*do it in the backend/],
    ['conditions', ingress('a', {}, { 'conditions.x': '[]' }), /UnsupportedAnnotation .*hosts and paths/],
    ['an unknown annotation', ingress('a', {}, { colour: 'red' }), /UnknownAnnotation/],
    ['instances as targets', ingress('a', {}, { 'target-type': 'instance' }), /InvalidAnnotation .*no instances/],
    [
      'an action that is missing',
      ingress('a', { defaultBackend: to('hello', 'use-annotation') }),
      /InvalidAnnotation .*actions.hello: is missing/,
    ],
  ])('tells of %s', (_what, member, expected) => {
    expect(told([member])).toEqual([expect.stringMatching(expected)]);
  });

  it.each<[string, Record<string, string>, Record<string, string>, RegExp]>([
    [
      'schemes',
      { scheme: 'internal' },
      { scheme: 'internet-facing' },
      /scheme: default\/a and default\/b .* different things/,
    ],
    [
      'protocols of a port',
      { 'listen-ports': '[{"HTTP": 80}]' },
      { 'listen-ports': '[{"HTTPS": 80}]' },
      /port 80 is HTTP and HTTPS/,
    ],
    ['a redirect to nowhere', { 'ssl-redirect': '443' }, {}, /no HTTPS listener on port 443/],
  ])('refuses contradicting %s', (_what, a, b, expected) => {
    expect(() => build([ingress('a', {}, a), ingress('b', {}, b)])).toThrow(expected);
  });

  it('has actions of annotations', () => {
    const json =
      '{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"web","servicePort":80,"weight":1},{"serviceName":"api","servicePort":"80","weight":3}]}}';
    const { stack } = build([
      ingress('a', { defaultBackend: to('split', 'use-annotation') }, { 'actions.split': json }),
    ]);
    expect(stack.listeners[0]?.action).toMatchObject({ do: 'forward', groups: [{ weight: 1 }, { weight: 3 }] });
    expect(stack.targetGroups).toHaveLength(2);
  });
});

describe('actions of annotations', () => {
  it.each<[string, string, unknown]>([
    [
      'a fixed response',
      '{"type":"fixed-response","fixedResponseConfig":{"statusCode":"503","messageBody":"x"}}',
      { kind: 'action', action: { do: 'respond', status: '503', contentType: 'text/plain', body: 'x' } },
    ],
    [
      'a redirect',
      '{"type":"redirect","redirectConfig":{"host":"h","statusCode":"HTTP_302"}}',
      {
        kind: 'action',
        action: {
          do: 'redirect',
          protocol: '#{protocol}',
          host: 'h',
          port: '#{port}',
          path: '/#{path}',
          query: '#{query}',
          permanent: false,
        },
      },
    ],
    ['no JSON', '{', 'is not JSON'],
    [
      'a bad status',
      '{"type":"fixed-response","fixedResponseConfig":{"statusCode":"302"}}',
      'fixedResponseConfig.statusCode must be 2XX, 4XX or 5XX',
    ],
    [
      'groups of others',
      '{"type":"forward","targetGroupARN":"arn:x"}',
      'forwardConfig.targetGroups must name one to five Services',
    ],
    ['something else', '{"type":"authenticate"}', 'type must be fixed-response, redirect or forward'],
    ['a hostile one', '{"__proto__":{"type":"redirect"}}', 'type must be fixed-response, redirect or forward'],
  ])('%s', (_what, json, expected) => {
    expect(parseAction(json)).toEqual(expected);
  });
});

describe('groups', () => {
  it('are named, or of one Ingress', () => {
    expect(groupOf(ingress('a', {}))).toEqual({ namespace: 'default', name: 'a' });
    expect(groupOf(ingress('a', {}, { 'group.name': 'shop' }))).toEqual({ name: 'shop' });
    expect(groupOf(ingress('a', {}, { 'group.name': 'Not/One' }))).toEqual({ namespace: 'default', name: 'a' });
  });

  it('that an Ingress has left are known by its finalizers', () => {
    const left = ingress('a', {}, { 'group.name': 'new' });
    left.metadata = { ...left.metadata, finalizers: ['group.ingress.k8s.aws/old', 'ingress.k8s.aws/resources', 'x/y'] };
    expect(groupsConcerned(left)).toEqual([{ name: 'new' }, { name: 'old' }, { namespace: 'default', name: 'a' }]);
  });
});
