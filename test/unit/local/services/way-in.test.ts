import { describe, expect, it } from 'vitest';
import { parseResolvConf } from '../../../../local/dns/machine-resolvers.ts';
import { ensureHostRoute, routesTo } from '../../../../local/services/host-route.ts';
import { findWayIn, resolvedAddress } from '../../../../local/services/way-in.ts';

const answer = `Server:\t\t127.0.0.11
Address:\t127.0.0.11:53

Non-authoritative answer:
Name:\thost.docker.internal
Address: 192.168.65.254
`;

describe('the way in for pods', () => {
  it.each([
    [answer, '192.168.65.254'],
    ['Server:    127.0.0.11\nAddress 1: 127.0.0.11\n\nName:      host.docker.internal\nAddress 1: fd00::254\nAddress 2: 192.168.65.2 host.docker.internal\n', '192.168.65.2'],
    ['Server:\t127.0.0.11\nAddress:\t127.0.0.11:53\n', undefined],
  ])('reads the address that nslookup prints', (output, expected) => {
    expect(resolvedAddress(output)).toBe(expected);
  });

  it.each<[string, boolean, number, object | undefined]>([
    ['the gateway on the engine\'s machine', true, 1, { address: '10.244.0.1', listenOn: '10.244.0.1' }],
    ['the outer machine from a virtual one', false, 0, { address: '192.168.65.254', listenOn: '127.0.0.1' }],
    ['none', false, 1, undefined],
  ])('is %s', async (_what, reachable, exitCode, expected) => {
    const network = { gateway: async () => '10.244.0.1', isReachable: async () => reachable };
    expect(await findWayIn(network, { exec: async () => ({ exitCode, output: answer, timedOut: false }) })).toEqual(expected);
  });
});

describe('the route from this machine', () => {
  const table = 'default via 192.0.2.1 dev eth0 \n10.96.0.0/16 via 10.245.0.10 dev br-b metric 1 \n10.96.0.0/16 via 10.244.0.10 dev br-a \n10.96.0.0/12 via 10.1.1.1 dev vpn \n';

  it('is found in the table, the one that is used first', () => {
    expect(routesTo(table, '10.96.0.0/16')).toEqual([
      { via: '10.244.0.10', metric: 0 },
      { via: '10.245.0.10', metric: 1 },
    ]);
  });

  const helper = (address: string, shown: string, seen = 'net:[1]') => {
    const run: string[] = [];
    return {
      run,
      address,
      async exec(command: readonly string[]) {
        if (command[0] === 'readlink') return { exitCode: 0, output: `${seen}\n`, timedOut: false };
        const words = command.slice(command.indexOf('route') + 1).join(' ');
        run.push(words);
        return { exitCode: 0, output: words === 'show' ? shown : '', timedOut: false };
      },
    };
  };

  it.each<[string, string, string, string[], object | 'ours']>([
    ['where there is none', '10.244.0.10', 'default via 192.0.2.1 dev eth0\n', ['show', 'add 10.96.0.0/16 via 10.244.0.10'], 'ours'],
    ['not twice', '10.244.0.10', table, ['show'], 'ours'],
    ['behind that of another', '10.246.0.10', table, ['show', 'add 10.96.0.0/16 via 10.246.0.10 metric 2'], { problem: '10.96.0.0/16 leads to 10.244.0.10 already, perhaps another cluster\'s' }],
  ])('is set %s', async (_what, address, shown, run, result) => {
    const fake = helper(address, shown);
    const route = await ensureHostRoute(fake, '10.96.0.0/16', () => 'net:[1]');
    expect([fake.run, route.result]).toEqual([run, result]);
    await route.remove();
    expect(fake.run.at(-1)).toBe(`del 10.96.0.0/16 via ${address}`);
  });

  it.each<[string, string, string | undefined]>([
    ['on another machine', 'net:[2]', 'net:[1]'],
    ['on a system without namespaces', 'net:[1]', undefined],
  ])('is not set %s', async (_what, seen, own) => {
    const fake = helper('10.244.0.10', '', seen);
    const route = await ensureHostRoute(fake, '10.96.0.0/16', () => own);
    await route.remove();
    expect(fake.run).toEqual([]);
    expect(route.result).toMatchObject({ problem: expect.stringContaining('does not run on this machine') });
  });
});

describe('resolv.conf', () => {
  it('is read as resolvers read it', () => {
    const text = '# comment\nnameserver 10.0.0.2 ; first\nnameserver fe80::1%eth0\nnameserver nonsense\ndomain old.example\nsearch a.example b.example\noptions ndots:2 rotate\noptions timeout:1\n';
    expect(parseResolvConf(text)).toEqual({ nameservers: ['10.0.0.2', 'fe80::1%eth0'], searches: ['a.example', 'b.example'], options: ['ndots:2', 'rotate', 'timeout:1'] });
  });
});
