import { createSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { ClusterDialer } from '@nodeless/client/cluster-dialer';
import { systemClock } from '@nodeless/component-base/clock';
import { silentLogger } from '@nodeless/component-base/logger';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import type { LoadBalancerModel } from '@nodeless/controllers/load-balancers/load-balancer';
import {
  createProxyLoadBalancers,
  type ProxyLoadBalancers,
} from '@nodeless/controllers/load-balancers/proxy/proxy-load-balancers';
import { createTargetChoice } from '@nodeless/controllers/load-balancers/proxy/target-choice';
import { createSimulatedLoadBalancers } from '@nodeless/controllers/load-balancers/simulated/simulated-load-balancers';
import { afterEach, describe, expect, it } from 'vitest';

/** Connections to 127.0.0.1 whatever the target's address: the port tells servers apart. */
const dialer: ClusterDialer = {
  connect: (_address, port) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('connect', () => resolve(socket));
      socket.once('error', reject);
    }),
};

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).toReversed()) await step();
});

async function server(onConnection: (socket: Socket) => void, host = '127.0.0.1'): Promise<number> {
  const made: Server = createServer(onConnection);
  await new Promise<void>((resolve) => made.listen({ host, port: 0 }, resolve));
  cleanUp.push(() => new Promise((resolve) => made.close(resolve)));
  return (made.address() as AddressInfo).port;
}
const saying = (word: string, host?: string): Promise<number> => server((socket) => socket.end(word), host);

function balancers(options: Partial<Parameters<typeof createProxyLoadBalancers>[0]> = {}): ProxyLoadBalancers {
  const made = createProxyLoadBalancers({
    clusterId: `c${process.pid}`,
    dialer,
    canSendDatagrams: async () => true,
    clock: systemClock,
    log: silentLogger,
    ...options,
  });
  cleanUp.push(() => made.close());
  return made;
}
const target = (port: number) => ({ address: '127.0.0.1', port, nodeName: undefined });
const model = (
  name: string,
  ports: readonly [port: number, ...targets: number[]][],
  more: Partial<LoadBalancerModel> = {},
): LoadBalancerModel => ({
  owner: { namespace: 'default', name, uid: name },
  ports: ports.map(([port, ...targets]) => ({
    name: '',
    protocol: 'TCP',
    port,
    nodePort: undefined,
    targets: targets.map(target),
  })),
  sourceRanges: [],
  affinitySeconds: undefined,
  requestedIp: '',
  previous: [],
  previousElsewhere: '',
  annotations: {},
  ...more,
});
const ask = (host: string, port: number): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    const socket = connect({ host, port });
    socket.on('data', (data) => (text += data.toString()));
    socket.on('end', () => resolve(text));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
const addressOf = async (lb: ProxyLoadBalancers, one: LoadBalancerModel): Promise<string> =>
  (await lb.ensure(one)).ingress[0]?.ip ?? '';

describe.skipIf(process.platform !== 'linux')('load balancers on this machine', () => {
  it("answer on an address of their own with the Service's own port", async () => {
    const backend = await saying('hello');
    const lb = balancers();
    const state = await lb.ensure(model('a', [[18_080, backend]]));
    expect(state).toEqual({
      ingress: [{ ip: expect.stringMatching(/^127\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./), ipMode: 'Proxy' }],
      elsewhere: '',
      notices: [],
    });
    expect(await ask(state.ingress[0]?.ip ?? '', 18_080)).toBe('hello');
    // Another Service may have the same port.
    const other = await addressOf(lb, model('b', [[18_080, await saying('other')]]));
    expect(await ask(other, 18_080)).toBe('other');
    expect((await lb.list()).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('follow the endpoints, and reset what has none', async () => {
    const [one, two] = [await saying('one'), await saying('two')];
    const lb = balancers();
    const address = await addressOf(lb, model('a', [[18_080, one]]));
    expect(await ask(address, 18_080)).toBe('one');
    await lb.ensure(model('a', [[18_080, two]]));
    expect(await ask(address, 18_080)).toBe('two');
    await lb.ensure(model('a', [[18_080]]));
    expect(await ask(address, 18_080)).toBe('ECONNRESET');
  });

  it('try another endpoint when one does not answer', async () => {
    const dead = await saying('never');
    await cleanUp.pop()?.();
    const lb = balancers();
    const address = await addressOf(lb, model('a', [[18_080, dead, await saying('alive')]]));
    for (let i = 0; i < 8; i++) expect(await ask(address, 18_080)).toBe('alive');
  });

  it('keep half-closed connections open for the answer', async () => {
    const backend = await server((socket) => {
      let text = '';
      socket.on('data', (data) => (text += data.toString()));
      socket.on('end', () => socket.end(text.toUpperCase()));
      socket.allowHalfOpen = true;
    });
    const address = await addressOf(balancers(), model('a', [[18_080, backend]]));
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect({ host: address, port: 18_080, allowHalfOpen: true }, () => socket.end('quiet'));
      socket.on('data', (data) => (text += data.toString()));
      socket.on('end', () => resolve(text));
    });
    expect(answer).toBe('QUIET');
  });

  it('admit only the source ranges', async () => {
    const backend = await saying('hello');
    const lb = balancers();
    const address = await addressOf(lb, model('a', [[18_080, backend]], { sourceRanges: ['10.0.0.0/8'] }));
    expect(await ask(address, 18_080)).toBe('ECONNRESET');
    await lb.ensure(model('a', [[18_080, backend]], { sourceRanges: ['10.0.0.0/8', '127.0.0.0/8'] }));
    expect(await ask(address, 18_080)).toBe('hello');
  });

  it('take another port when their own cannot be had, and say so once', async () => {
    // A listener on all addresses takes the port of every address.
    const taken = await saying('somebody else', '0.0.0.0');
    const backend = await saying('hello');
    const lb = balancers();
    const wanted = model('a', [[taken, backend]]);
    const state = await lb.ensure(wanted);
    const ip = state.ingress[0]?.ip ?? '';
    const [, place = ''] = state.elsewhere.split('=');
    const port = Number(place.split(':')[1]);
    expect(state.notices).toEqual([
      {
        type: 'Warning',
        reason: 'PortUnavailable',
        message: `${ip}:${taken} cannot be listened on (another program listens on it, or on this port of all addresses); port ${taken} answers on ${place}`,
      },
    ]);
    expect(place.split(':')[0]).toBe(ip);
    expect(await ask(ip, port)).toBe('hello');
    expect(await lb.ensure(wanted)).toEqual({ ...state, notices: [] });
    // The same place after a restart.
    await lb.close();
    const again = await balancers().ensure({ ...wanted, previous: state.ingress, previousElsewhere: state.elsewhere });
    expect([again.ingress, again.elsewhere]).toEqual([state.ingress, state.elsewhere]);
  });

  it('keep their address over a restart, and give it up when another cluster has taken it', async () => {
    const lb = balancers({ clusterId: 'one' });
    const first = await lb.ensure(model('a', [[18_080]]));
    await lb.close();
    const again = balancers({ clusterId: 'two' });
    const kept = await again.ensure(model('a', [[18_080]], { previous: first.ingress }));
    expect(kept.ingress).toEqual(first.ingress);
    const third = await balancers({ clusterId: 'three' }).ensure(model('a', [[18_081]], { previous: first.ingress }));
    expect(third.ingress).not.toEqual(first.ingress);
    expect(third.notices).toEqual([
      {
        type: 'Warning',
        reason: 'AddressChanged',
        message: `${first.ingress[0]?.ip} is taken by another cluster on this machine; using ${third.ingress[0]?.ip}`,
      },
    ]);
  });

  it('take the address that is asked for, if it is one of this machine', async () => {
    const lb = balancers();
    expect(await addressOf(lb, model('a', [[18_080]], { requestedIp: '127.42.42.42' }))).toBe('127.42.42.42');
    const state = await lb.ensure(model('b', [[18_080]], { requestedIp: '192.0.2.1' }));
    expect(state.notices).toEqual([
      {
        type: 'Warning',
        reason: 'RequestedAddressUnavailable',
        message: `loadBalancerIP 192.0.2.1 is not available (only free addresses in 127.0.0.0/8 can be had); using ${state.ingress[0]?.ip}`,
      },
    ]);
  });

  it('stop listening on ports that have gone, and altogether', async () => {
    const backend = await saying('hello');
    const lb = balancers();
    const address = await addressOf(
      lb,
      model('a', [
        [18_080, backend],
        [18_081, backend],
      ]),
    );
    await lb.ensure(model('a', [[18_081, backend]]));
    expect(await ask(address, 18_080)).toBe('ECONNREFUSED');
    expect(await ask(address, 18_081)).toBe('hello');
    await lb.remove({ namespace: 'default', name: 'a', uid: 'a' });
    await lb.remove({ namespace: 'default', name: 'a', uid: 'a' });
    expect(await ask(address, 18_081)).toBe('ECONNREFUSED');
    expect(await lb.list()).toEqual([]);
    expect(await addressOf(lb, model('a', [[18_080, backend]]))).toBe(address);
  });

  it('carry datagrams, and move their clients when an endpoint goes', async () => {
    const echo = async (word: string): Promise<number> => {
      const socket = createSocket('udp4');
      socket.on('message', (_data, client) => socket.send(word, client.port, client.address));
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
      cleanUp.push(() => socket.close());
      return socket.address().port;
    };
    const udp = (port: number): LoadBalancerModel => {
      const base = model('a', []);
      return {
        ...base,
        ports: [{ name: '', protocol: 'UDP', port: 18_053, nodePort: undefined, targets: [target(port)] }],
      };
    };
    const lb = balancers();
    const [one, two] = [await echo('one'), await echo('two')];
    const address = await addressOf(lb, udp(one));
    const client = createSocket('udp4');
    cleanUp.push(() => client.close());
    const exchange = (): Promise<string> =>
      new Promise((resolve) => {
        client.once('message', (data) => resolve(data.toString()));
        client.send('x', 18_053, address);
      });
    expect(await exchange()).toBe('one');
    await lb.ensure(udp(two));
    expect(await exchange()).toBe('two');
  });

  it('say which protocols they cannot carry', async () => {
    const lb = balancers({ canSendDatagrams: async () => false });
    const base = model('a', [[18_080]]);
    const wanted: LoadBalancerModel = {
      ...base,
      ports: [
        ...base.ports,
        { name: 's', protocol: 'SCTP', port: 9, nodePort: undefined, targets: [] },
        { name: 'u', protocol: 'UDP', port: 53, nodePort: undefined, targets: [] },
      ],
    };
    expect((await lb.ensure(wanted)).notices.map(({ reason, message }) => [reason, message.split(':')[0]])).toEqual([
      ['UnsupportedProtocol', 'port 9'],
      ['UnsupportedProtocol', 'port 53'],
    ]);
    expect((await lb.ensure(wanted)).notices).toEqual([]);
  });

  it('share one address where there is only one', async () => {
    const backend = await saying('hello');
    const lb = balancers({ platform: 'darwin' });
    const [first, second] = [
      await lb.ensure(model('a', [[18_090, backend]])),
      await lb.ensure(model('b', [[18_090, backend]])),
    ];
    expect([first.ingress[0]?.ip, second.ingress[0]?.ip]).toEqual(['127.0.0.1', '127.0.0.1']);
    expect([first.elsewhere, second.elsewhere]).toEqual(['', '18090=127.0.0.1:28090']);
    expect(await ask('127.0.0.1', 28_090)).toBe('hello');
  });
});

describe('the choice of a target', () => {
  const backend = (affinitySeconds: number | undefined, ports: readonly number[]) => ({
    targets: ports.map(target),
    affinitySeconds,
    admits: () => true,
  });

  it('keeps a client with its target for as long as its affinity lasts', async () => {
    const clock = createManualClock();
    let random = 0;
    const choice = createTargetChoice(clock, () => random);
    const order = (ports: readonly number[] = [1, 2, 3]): number[] =>
      choice.order('c', backend(60, ports)).map(({ port }) => port);
    expect(order()).toEqual([1, 2, 3]);
    choice.chose('c', target(1));
    random = 0.5;
    expect(order()).toEqual([1, 2, 3]);
    expect(order([2, 3])).toEqual([3, 2]);
    await clock.advance(61_000);
    expect(order()).toEqual([2, 3, 1]);
  });

  it('is random without affinity', () => {
    let random = 0;
    const choice = createTargetChoice(createManualClock(), () => random);
    choice.chose('c', target(1));
    random = 0.9;
    expect(choice.order('c', backend(undefined, [1, 2])).map(({ port }) => port)).toEqual([2, 1]);
    expect(choice.order('c', backend(undefined, []))).toEqual([]);
  });
});

describe('simulated load balancers', () => {
  it('have addresses that nothing answers on, the same again after a restart', async () => {
    const first = createSimulatedLoadBalancers({ clusterId: 'c1' });
    const state = await first.ensure(model('a', [[80]]));
    expect(await first.ensure(model('a', [[80]]))).toEqual(state);
    expect((await first.ensure(model('b', [[80]]))).ingress).not.toEqual(state.ingress);
    const again = createSimulatedLoadBalancers({ clusterId: 'c1' });
    await again.ensure(model('b', [[80]], { previous: (await first.ensure(model('b', [[80]]))).ingress }));
    expect((await again.ensure(model('a', [[80]], { previous: state.ingress }))).ingress).toEqual(state.ingress);
    expect(await ask(state.ingress[0]?.ip ?? '', 80)).toBe('ECONNREFUSED');
    await first.remove({ namespace: 'default', name: 'a', uid: 'a' });
    expect((await first.list()).map(({ name }) => name)).toEqual(['b']);
  });
});
