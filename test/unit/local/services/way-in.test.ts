import { silentLogger } from '@nodeless/component-base/logger';
import { describe, expect, it } from 'vitest';
import { parseResolvConf } from '../../../../local/dns/machine-resolvers.ts';
import { createHostRoutes, parseRoutes } from '../../../../local/services/host-routes.ts';
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
    [
      'Server:    127.0.0.11\nAddress 1: 127.0.0.11\n\nName:      host.docker.internal\nAddress 1: fd00::254\nAddress 2: 192.168.65.2 host.docker.internal\n',
      '192.168.65.2',
    ],
    ['Server:\t127.0.0.11\nAddress:\t127.0.0.11:53\n', undefined],
  ])('reads the address that nslookup prints', (output, expected) => {
    expect(resolvedAddress(output)).toBe(expected);
  });

  it.each<[string, boolean, number, object | undefined]>([
    ["the gateway on the engine's machine", true, 1, { address: '10.244.0.1', listenOn: '10.244.0.1' }],
    ['the outer machine from a virtual one', false, 0, { address: '192.168.65.254', listenOn: '127.0.0.1' }],
    ['none', false, 1, undefined],
  ])('is %s', async (_what, reachable, exitCode, expected) => {
    const network = { gateway: async () => '10.244.0.1', isReachable: async () => reachable };
    expect(await findWayIn(network, { exec: async () => ({ exitCode, output: answer, timedOut: false }) })).toEqual(
      expected,
    );
  });
});

describe('routes from this machine', () => {
  const ownNamespace = () => 'net:[1]';

  /** A machine's routing table behind the commands that change it. */
  const machine = (lines: readonly string[], seen = 'net:[1]', own: () => string | undefined = ownNamespace) => {
    const table = new Set(lines);
    const helper = {
      address: '10.244.0.10',
      async exec(command: readonly string[]) {
        const script = command.at(-1) ?? '';
        const [, asked] = /readlink .*= '(.*?)'/.exec(script) ?? [];
        if (asked !== undefined)
          return {
            exitCode: asked === seen ? 0 : 1,
            output: asked === seen ? [...table].map((line) => `${line} dev br \n`).join('') : '',
            timedOut: false,
          };
        for (const [, verb, route = ''] of script.matchAll(/ip route (add|del) (\S+ via \S+)/g)) {
          if (verb === 'add') table.add(route);
          else table.delete(route);
        }
        return { exitCode: 0, output: '', timedOut: false };
      },
    };
    const routes = createHostRoutes({
      helper,
      cidr: '10.96.0.0/16',
      common: new Set(['10.96.0.1']),
      log: silentLogger,
      ownNamespace: own,
    });
    return { routes, table: () => [...table].sort() };
  };
  const other = '10.96.0.0/16 via 10.245.0.10';

  it('are one for the whole range where it is free', async () => {
    const { routes, table } = machine(['default via 192.0.2.1']);
    expect(await routes.start()).toBeUndefined();
    routes.want(new Set(['10.96.0.5']));
    await routes.settled();
    expect(table()).toEqual(['10.96.0.0/16 via 10.244.0.10', 'default via 192.0.2.1']);
    await routes.remove();
    expect(table()).toEqual(['default via 192.0.2.1']);
  });

  it('are the same after a crash', async () => {
    const { routes, table } = machine(['10.96.0.0/16 via 10.244.0.10', '10.96.0.9 via 10.244.0.10']);
    expect(await routes.start()).toBeUndefined();
    expect(table()).toEqual(['10.96.0.0/16 via 10.244.0.10']);
  });

  it('are one for each Service beside another cluster, without those that every cluster has', async () => {
    const { routes, table } = machine([other, '10.96.0.9 via 10.244.0.10']);
    expect(await routes.start()).toBeUndefined();
    routes.want(new Set(['10.96.0.1', '10.96.0.5', '10.96.0.6']));
    await routes.settled();
    expect(table()).toEqual([other, '10.96.0.5 via 10.244.0.10', '10.96.0.6 via 10.244.0.10']);
    routes.want(new Set(['10.96.0.1', '10.96.0.6']));
    await routes.settled();
    expect(table()).toEqual([other, '10.96.0.6 via 10.244.0.10']);
    await routes.remove();
    expect(table()).toEqual([other]);
  });

  it.each<[string, string, () => string | undefined]>([
    ['on another machine', 'net:[2]', ownNamespace],
    ['on a system without namespaces', 'net:[1]', () => undefined],
  ])('are not set %s', async (_what, seen, own) => {
    const { routes, table } = machine([other], seen, own);
    expect(await routes.start()).toContain('does not run on this machine');
    routes.want(new Set(['10.96.0.5']));
    await routes.settled();
    await routes.remove();
    expect(table()).toEqual([other]);
  });

  it('are read as they are shown', () => {
    expect(
      parseRoutes('default via 192.0.2.1 dev eth0 \n10.244.0.0/16 dev br-1 scope link  src 10.244.0.1 \n\n'),
    ).toEqual([
      { to: 'default', via: '192.0.2.1' },
      { to: '10.244.0.0/16', via: '' },
    ]);
  });
});

describe('resolv.conf', () => {
  it('is read as resolvers read it', () => {
    const text =
      '# comment\nnameserver 10.0.0.2 ; first\nnameserver fe80::1%eth0\nnameserver nonsense\ndomain old.example\nsearch a.example b.example\noptions ndots:2 rotate\noptions timeout:1\n';
    expect(parseResolvConf(text)).toEqual({
      nameservers: ['10.0.0.2', 'fe80::1%eth0'],
      searches: ['a.example', 'b.example'],
      options: ['ndots:2', 'rotate', 'timeout:1'],
    });
  });
});
