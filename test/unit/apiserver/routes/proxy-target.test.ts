import { nodeTarget, podTarget, serviceTarget, splitProxyName } from '@nodeless/apiserver/routes/proxy-target';
import { describe, expect, it } from 'vitest';

const named = (text: string) =>
  splitProxyName(text) ??
  (() => {
    throw new Error('bad name');
  })();
const pod = {
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'a' }, { name: 'b', ports: [{ containerPort: 8080 }] }] },
  status: { podIP: '10.1.0.5' },
};
const service = {
  spec: {
    ports: [
      { name: 'http', port: 80 },
      { name: 'admin', port: 81 },
    ],
  },
};
const endpoints = {
  subsets: [
    { addresses: [{ ip: '10.1.0.5' }, { ip: '10.1.0.6' }], ports: [{ name: 'http', port: 8080 }] },
    { notReadyAddresses: [{ ip: '10.1.0.7' }], ports: [{ name: 'admin', port: 8081 }] },
  ],
};
const message = (work: () => unknown): string => {
  try {
    return JSON.stringify(work());
  } catch (error) {
    return (error as Error).message;
  }
};

describe('proxy names', () => {
  it.each([
    ['p', { scheme: '', name: 'p', port: '' }],
    ['p:80', { scheme: '', name: 'p', port: '80' }],
    ['https:p:', { scheme: 'https', name: 'p', port: '' }],
    ['http:p:http', { scheme: 'http', name: 'p', port: 'http' }],
    ['ftp:p:1', undefined],
    [':p', undefined],
    ['a:b:c:d', undefined],
    ['', undefined],
  ])('%s', (text, wanted) => expect(splitProxyName(text)).toEqual(wanted));
});

describe('targets', () => {
  it('of pods', () => {
    expect(podTarget(pod, named('p'))).toEqual({ scheme: 'http', address: '10.1.0.5', port: 8080 });
    expect(podTarget(pod, named('https:p:99'))).toEqual({ scheme: 'https', address: '10.1.0.5', port: 99 });
    expect(message(() => podTarget({ ...pod, status: {} }, named('p')))).toBe('no IP address for the object');
    for (const podIP of ['127.0.0.1', '169.254.169.254', '::1', 'fe80::1', '224.0.0.1', '0.0.0.0']) {
      expect(message(() => podTarget({ ...pod, status: { podIP } }, named('p')))).toBe('address not allowed');
    }
  });
  it('of Services', () => {
    const target = (id: string, random = 0) => serviceTarget(service, endpoints, named(id), id, () => random);
    expect(target('s:http')).toEqual({ scheme: 'http', address: '10.1.0.5', port: 8080 });
    expect(target('s:80', 0.99)).toEqual({ scheme: 'http', address: '10.1.0.6', port: 8080 });
    expect(message(() => target('s:admin'))).toBe('no endpoints available for service "s:admin"');
    expect(message(() => target('s:99'))).toBe('no service port 99 found for service "s"');
    expect(message(() => serviceTarget(service, undefined, named('s:http'), 's:http', () => 0))).toBe(
      'no endpoints available for service "s:http"',
    );
  });
  it('of nodes', () => {
    const node = {
      status: {
        addresses: [
          { type: 'Hostname', address: 'n' },
          { type: 'InternalIP', address: '10.0.0.1' },
        ],
        daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
      },
    };
    expect(nodeTarget(node, named('n'))).toBeUndefined();
    expect(nodeTarget(node, named('n:10250'))).toBeUndefined();
    expect(nodeTarget(node, named('n:9100'))).toEqual({ scheme: 'http', address: '10.0.0.1', port: 9100 });
  });
});
