import { expect, test } from 'vitest';
import type { PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { podDns, podHostname } from '@nodeless/virtual-kubelet/pod-dns';
import { registryCredentials } from '@nodeless/virtual-kubelet/pull-secrets';

const cluster = {
  nameservers: ['10.96.0.10'],
  domain: 'cluster.local',
  node: { nameservers: ['1.1.1.1'], searches: ['corp'], options: ['timeout:2'] },
};
const inCluster = {
  nameservers: ['10.96.0.10'],
  searches: ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp'],
  options: ['ndots:5'],
};
const pod = (spec: Partial<PodSpec>) => ({
  metadata: { name: 'web-0', namespace: 'ns' },
  spec: { containers: [], ...spec },
});

const policies: [string, Partial<PodSpec>, object][] = [
  ['default policy', {}, inCluster],
  ['Default', { dnsPolicy: 'Default' }, cluster.node],
  ['host network', { hostNetwork: true, dnsPolicy: 'ClusterFirst' }, cluster.node],
  ['host network that wants the cluster', { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }, inCluster],
  [
    'None',
    {
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['9.9.9.9'],
        searches: ['x'],
        options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
      },
    },
    { nameservers: ['9.9.9.9'], searches: ['x'], options: ['ndots:2', 'edns0'] },
  ],
  [
    'additions',
    {
      dnsConfig: {
        nameservers: ['9.9.9.9', '10.96.0.10'],
        searches: ['x', 'corp'],
        options: [{ name: 'ndots', value: '1' }],
      },
    },
    { nameservers: ['10.96.0.10', '9.9.9.9'], searches: [...inCluster.searches, 'x'], options: ['ndots:1'] },
  ],
];
test.each(policies)('%s', (_, spec, want) => expect(podDns(pod(spec), cluster)).toEqual(want));
test("without cluster DNS everybody has the node's", () =>
  expect(podDns(pod({}), { ...cluster, nameservers: [] })).toEqual(cluster.node));

const names: [string, Partial<PodSpec>, object][] = [
  ['its own name', {}, { hostname: 'web-0', domain: '' }],
  ['a chosen one', { hostname: 'h' }, { hostname: 'h', domain: '' }],
  ['in a subdomain', { hostname: 'h', subdomain: 's' }, { hostname: 'h', domain: 's.ns.svc.cluster.local' }],
  [
    'as FQDN',
    { subdomain: 's', setHostnameAsFQDN: true },
    { hostname: 'web-0.s.ns.svc.cluster.local', domain: 's.ns.svc.cluster.local' },
  ],
  ['host network', { hostNetwork: true }, { hostname: 'node-1', domain: '' }],
];
test.each(names)('host name: %s', (_, spec, want) =>
  expect(podHostname(pod(spec), 'cluster.local', 'node-1')).toEqual(want),
);
test('a long name is cut where a label may end', () => {
  expect(podHostname({ metadata: { name: `${'a'.repeat(62)}-b` }, spec: { containers: [] } }, 'x', 'n').hostname).toBe(
    'a'.repeat(62),
  );
});

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64');
const credentials: [string, Record<string, string>, object[]][] = [
  [
    'auth',
    { '.dockerconfigjson': encode({ auths: { 'ghcr.io': { auth: encode('me:pass:word') } } }) },
    [{ registry: 'ghcr.io', username: 'me', password: 'pass:word' }],
  ],
  [
    'user and password, Docker Hub',
    { '.dockerconfigjson': encode({ auths: { 'https://index.docker.io/v1/': { username: 'u', password: 'p' } } }) },
    [{ registry: 'docker.io', username: 'u', password: 'p' }],
  ],
  [
    'the old form',
    { '.dockercfg': encode({ 'localhost:5000': { username: 'u', password: 'p' } }) },
    [{ registry: 'localhost:5000', username: 'u', password: 'p' }],
  ],
  ['not JSON', { '.dockerconfigjson': encode('{') }, []],
  ['nothing in it', { other: 'x' }, []],
];
test.each(credentials)('pull secret: %s', (_, data, want) => expect(registryCredentials({ data })).toEqual(want));
