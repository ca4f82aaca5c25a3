import { describe, expect, it } from 'vitest';
import type { DataPathPort } from '../../../../../local/services/data-path-model.ts';
import { createRenderer } from '../../../../../local/services/nft/render.ts';

const target = (n: number, nodeName: string) => ({ address: `10.244.${n}.5`, port: 8080, nodeName });
const both = { ready: [target(1, 'n1'), target(2, 'n2')], draining: [] };
const port = (more: Partial<DataPathPort> = {}): DataPathPort => ({
  id: 'default/web:http',
  protocol: 'tcp',
  port: 80,
  clusterIps: ['10.96.0.5'],
  externalIps: [],
  loadBalancerIps: [],
  sourceRanges: [],
  nodePort: undefined,
  affinitySeconds: undefined,
  internalLocal: false,
  externalLocal: false,
  targets: both,
  ...more,
});
const nodes = [
  { name: 'n1', addresses: ['10.244.0.10'] },
  { name: 'n2', addresses: ['10.244.0.11'] },
];
const render = (ports: readonly DataPathPort[]) =>
  createRenderer({ ports, nodes }, { serviceCidr: '10.96.0.0/16', zoneOf: () => 7 });

/** Where a packet goes: the rules at the end of its way, with the names of chains and sets put in. */
function way(
  ports: readonly DataPathPort[],
  key: string,
  from: { node?: string; map?: 'services' | 'external'; isNode?: boolean } = {},
): string[] {
  const { node = 'n1', map = 'services', isNode = map === 'external' } = from;
  const rules = isNode ? render(ports).node(node) : render(ports).pod(node);
  const refused = rules.elements.get(map === 'services' ? 'refused' : 'refused_external')?.get(key);
  if (refused) return [refused];
  const verdict = rules.elements.get(map)?.get(key);
  return verdict ? [...(rules.chains.get(verdict.replace('goto ', '')) ?? ['missing chain'])] : [];
}
const spread =
  'meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.244.1.5 . 8080, 1 : 10.244.2.5 . 8080 }';
const only = (n: number): string => `meta l4proto tcp dnat to 10.244.${n}.5:8080`;

describe('the rules of a namespace', () => {
  it('spread over all targets, from everywhere', () => {
    expect(way([port()], '10.96.0.5 . tcp . 80')).toEqual([spread]);
    expect(way([port()], '10.96.0.5 . tcp . 80', { map: 'external' })).toEqual([spread]);
    expect(way([port()], '10.96.0.5 . tcp . 81')).toEqual([]);
  });

  it('lead to a single target without chance', () => {
    expect(way([port({ targets: { ready: [target(1, 'n1')], draining: [] } })], '10.96.0.5 . tcp . 80')).toEqual([
      only(1),
    ]);
  });

  it('refuse what has no target, and know the address of ports that are not there', () => {
    const empty = port({ targets: { ready: [], draining: [] }, nodePort: 30_000 });
    expect(way([empty], '10.96.0.5 . tcp . 80')).toEqual(['goto refuse']);
    expect(way([empty], '10.244.0.10 . tcp . 30000', { map: 'external' })).toEqual(['goto refuse']);
    expect([...(render([empty]).pod('n1').elements.get('cluster_ips')?.keys() ?? [])]).toEqual(['10.96.0.5']);
    expect(render([empty]).pod('n1').chains.size).toBe(0);
  });

  it.each<[string, Partial<DataPathPort>, Parameters<typeof way>[2], string, string[]]>([
    ['internal: only targets of the node', { internalLocal: true }, { node: 'n2' }, '10.96.0.5 . tcp . 80', [only(2)]],
    [
      'internal: silence where the node has none',
      { internalLocal: true, targets: { ready: [target(1, 'n1')], draining: [] } },
      { node: 'n2' },
      '10.96.0.5 . tcp . 80',
      ['drop'],
    ],
    [
      'external: only targets of the node, from outside',
      { externalLocal: true, nodePort: 30_000 },
      { map: 'external' },
      '10.244.0.10 . tcp . 30000',
      [only(1)],
    ],
    [
      'external: of the node that is asked, from a pod elsewhere',
      { externalLocal: true, nodePort: 30_000 },
      { node: 'n1' },
      '10.244.0.11 . tcp . 30000',
      [only(2)],
    ],
    ['external: all targets by ClusterIP', { externalLocal: true }, {}, '10.96.0.5 . tcp . 80', [spread]],
    [
      'external: all targets for pods by external address',
      { externalLocal: true, externalIps: ['192.0.2.1'] },
      {},
      '192.0.2.1 . tcp . 80',
      [spread],
    ],
    [
      'external: those of the node from outside by external address',
      { externalLocal: true, externalIps: ['192.0.2.1'] },
      { map: 'external' },
      '192.0.2.1 . tcp . 80',
      [only(1)],
    ],
  ])('keep to policies: %s', (_what, more, from, key, expected) => {
    expect(way([port(more)], key, from)).toEqual(expected);
  });

  it("have node ports of every node, and of the loopback address in a node's own namespace", () => {
    const one = port({ nodePort: 30_000 });
    const keys = (isNode: boolean): string[] =>
      [
        ...((isNode ? render([one]).node('n1') : render([one]).pod('n1')).elements.get('services')?.keys() ?? []),
      ].filter((key) => key.endsWith('30000'));
    expect(keys(false)).toEqual(['10.244.0.10 . tcp . 30000', '10.244.0.11 . tcp . 30000']);
    expect(keys(true)).toEqual([...keys(false), '127.0.0.1 . tcp . 30000']);
    expect([...(render([one]).node('n2').elements.get('external')?.keys() ?? [])]).toContain(
      '10.244.0.11 . tcp . 30000',
    );
  });

  it('remember clients for as long as their affinity lasts', () => {
    const rules = render([port({ affinitySeconds: 60 })]).pod('n1');
    expect([...rules.sets.values()]).toEqual(
      Array.from({ length: 2 }, () => 'type ipv4_addr; flags dynamic,timeout; timeout 60s;'),
    );
    const [first = '', second = ''] = rules.sets.keys();
    const [entry = []] = [...rules.chains].filter(([name]) => name.startsWith('s_')).map(([, body]) => body);
    expect(entry).toHaveLength(3);
    expect(entry[0]).toMatch(new RegExp(`^ip saddr @${first} goto e_`));
    expect(entry[1]).toMatch(new RegExp(`^ip saddr @${second} goto e_`));
    expect(entry[2]).toMatch(/^numgen random mod 2 vmap \{ 0 : goto e_\S+, 1 : goto e_\S+ \}$/);
    expect([...rules.chains].filter(([name]) => name.startsWith('e_')).map(([, body]) => body)).toEqual([
      [`update @${first} { ip saddr }`, only(1)],
      [`update @${second} { ip saddr }`, only(2)],
    ]);
  });

  it('admit only the source ranges to the address of a load balancer', () => {
    const one = port({
      externalIps: ['192.0.2.7'],
      loadBalancerIps: ['192.0.2.7'],
      sourceRanges: ['10.0.0.0/8', '10.1.0.0/16'],
    });
    const [first, second, last] = way([one], '192.0.2.7 . tcp . 80');
    expect([first, second, last]).toEqual([
      expect.stringMatching(/^ip saddr 10\.0\.0\.0\/8 goto s_/),
      expect.stringMatching(/^ip saddr 10\.1\.0\.0\/16 goto s_/),
      'drop',
    ]);
    expect(way([one], '10.96.0.5 . tcp . 80')).toEqual([spread]);
  });

  it('put UDP into its zone, and TCP into none', () => {
    const rules = render([
      port(),
      port({ id: 'default/dns:dns/udp', protocol: 'udp', port: 53, clusterIps: ['10.96.0.6'] }),
    ]).pod('n1');
    expect([...(rules.elements.get('udp_zones') ?? [])]).toEqual([['10.96.0.6 . 53', '7']]);
  });

  it('are one object for all pods of a node, and kept for ports that did not change', () => {
    const same = port();
    const first = render([same]);
    expect(first.pod('n1')).toBe(first.pod('n1'));
    const again = render([same, port({ id: 'default/other:http', clusterIps: ['10.96.0.6'] })]).pod('n1');
    const [name = ''] = first.pod('n1').chains.keys();
    expect(again.chains.get(name)).toBe(first.pod('n1').chains.get(name));
  });
});
