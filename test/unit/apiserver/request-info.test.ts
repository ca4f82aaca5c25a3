import { Query } from '@nodeless/apiserver/query';
import { decodePath, requestInfo } from '@nodeless/apiserver/request-info';
import { describe, expect, it } from 'vitest';

const info = (method: string, target: string) => {
  const [path = '', query = ''] = target.split('?');
  return requestInfo(method, path, new Query(query));
};

/** method, target → verb group/version namespace resource/name/subresource */
const resources: [string, string, string][] = [
  ['GET', '/api/v1/namespaces', 'list /v1 - namespaces//'],
  ['GET', '/api/v1/namespaces/other', 'get /v1 other namespaces/other/'],
  ['PUT', '/api/v1/namespaces/other/status', 'update /v1 other namespaces/other/status'],
  ['PUT', '/api/v1/namespaces/other/finalize', 'update /v1 other namespaces/other/finalize'],
  ['GET', '/api/v1/namespaces/other/pods', 'list /v1 other pods//'],
  ['GET', '/api/v1/namespaces/other/pods/foo', 'get /v1 other pods/foo/'],
  ['HEAD', '/api/v1/namespaces/other/pods/foo', 'get /v1 other pods/foo/'],
  ['POST', '/api/v1/namespaces/other/pods', 'create /v1 other pods//'],
  ['PATCH', '/api/v1/namespaces/other/pods/foo', 'patch /v1 other pods/foo/'],
  ['DELETE', '/api/v1/namespaces/other/pods/foo', 'delete /v1 other pods/foo/'],
  ['DELETE', '/api/v1/namespaces/other/pods', 'deletecollection /v1 other pods//'],
  ['GET', '/api/v1/pods', 'list /v1 - pods//'],
  ['GET', '/api/v1/pods?watch=1', 'watch /v1 - pods//'],
  ['GET', '/api/v1/pods?watch=false', 'list /v1 - pods//'],
  ['GET', '/api/v1/pods?watch', 'watch /v1 - pods//'],
  ['GET', '/api/v1/watch/namespaces/other/pods', 'watch /v1 other pods//'],
  ['GET', '/api/v1/watch/pods', 'watch /v1 - pods//'],
  ['GET', '/api/v1/nodes/n/proxy/a/b', 'get /v1 - nodes/n/proxy'],
  ['GET', '/api/v1/namespaces/other/pods/foo/log', 'get /v1 other pods/foo/log'],
  ['GET', '/apis/apps/v1/namespaces/other/deployments/d/scale', 'get apps/v1 other deployments/d/scale'],
  ['GET', '/apis/apps/v1/deployments', 'list apps/v1 - deployments//'],
  ['FOO', '/apis/apps/v1/deployments', ' apps/v1 - deployments//'],
  ['GET', '/api/v1/namespaces/other/pods/', 'list /v1 other pods//'],
  ['GET', '/api/v1/namespaces//pods', 'list /v1 - pods//'],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Dfoo', 'list /v1 - pods/foo/'],
  ['GET', '/api/v1/pods?watch=1&fieldSelector=a%3Db,metadata.name==foo', 'watch /v1 - pods/foo/'],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name!%3Dfoo', 'list /v1 - pods//'],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3D..', 'list /v1 - pods//'],
];

describe('request info', () => {
  it.each(resources)('%s %s', (method, target, wanted) => {
    const found = info(method, target);
    expect(found?.isResource).toBe(true);
    const { verb, group, version, namespace, resource, name, subresource } = found ?? ({} as never);
    expect(`${verb} ${group}/${version} ${namespace || '-'} ${resource}/${name}/${subresource}`).toBe(wanted);
  });

  it.each([
    ['GET', '/', 'get'],
    ['POST', '/api', 'post'],
    ['GET', '/api/v1', 'get'],
    ['GET', '/apis/apps', 'get'],
    ['GET', '/apis/apps/v1', 'get'],
    ['GET', '/healthz', 'get'],
    ['GET', '/other/v1/pods', 'get'],
  ])('%s %s is no resource', (method, target, verb) => {
    expect(info(method, target)).toMatchObject({ isResource: false, verb, path: target });
  });

  it('keeps selectors for the authorizer, but not of verbs in the path', () => {
    expect(info('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn&labelSelector=a')).toMatchObject({
      fieldSelector: 'spec.nodeName=n',
      labelSelector: 'a',
    });
    expect(info('GET', '/api/v1/watch/pods?fieldSelector=spec.nodeName%3Dn')?.fieldSelector).toBeUndefined();
    expect(info('GET', '/api/v1/namespaces/a/pods/b?fieldSelector=x')?.fieldSelector).toBeUndefined();
  });

  it('cannot make sense of a verb alone', () => {
    expect(info('GET', '/api/v1/watch')).toBeUndefined();
  });

  it.each([
    ['/a%20b', '/a b'],
    ['/a%2fb', '/a/b'],
    ['/a%', undefined],
    ['/%ff', undefined],
    ['/%zz', undefined],
  ])('decodes %s', (path, wanted) => expect(decodePath(path)).toBe(wanted));
});

describe('query', () => {
  it('reads as Go does', () => {
    const query = new Query('a=1&b=x+y&a=2&c&d=%zz&e;f=1&__proto__=p&=v&g=%26');
    expect(query.getAll('a')).toEqual(['1', '2']);
    expect(query.get('b')).toBe('x y');
    expect(query.get('c')).toBe('');
    expect(query.has('d')).toBe(false);
    expect(query.has('e')).toBe(false);
    expect(query.get('__proto__')).toBe('p');
    expect(query.get('g')).toBe('&');
  });
});
