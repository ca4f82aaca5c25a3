import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { systemClock } from '@nodeless/component-base/clock';
import { silentLogger } from '@nodeless/component-base/logger';
import type { AgentContainer, AgentService, ServicesResponse } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import type { Target } from '@nodeless/virtual-kubelet/agent/service-endpoints';
import { createServiceProxy, type ServiceProxy } from '@nodeless/virtual-kubelet/agent/service-proxy';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

// Elsewhere only 127.0.0.1 is there without being asked for.
const runs = process.platform === 'linux';

let servers: { close(): unknown }[];
let table: ServicesResponse;
let targets: Target[];
let renewals: number;
let afterRenewal: Target[] | undefined;
let events: string[];
let proxy: ServiceProxy;
/** What every choice of a target waits for. */
let chosen: Promise<unknown>;

const listenTcp = (onSocket: (socket: Socket) => void, host = '127.0.0.1', port = 0): Promise<number> =>
  new Promise((resolve, reject) => {
    const server: Server = createServer({ allowHalfOpen: true }, onSocket);
    servers.push(server);
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as { port: number }).port));
  });
const saying = (word: string) => (socket: Socket) => void socket.on('error', () => {}).end(word);
const freePort = async (): Promise<number> => {
  const port = await listenTcp(() => {});
  const server = servers.pop() as Server;
  await new Promise((resolve) => server.close(resolve));
  return port;
};
const service = (port: number, more: Partial<AgentService> = {}): AgentService => ({
  namespace: 'default',
  name: 'web',
  address: '127.224.77.1',
  clientIpAffinitySeconds: 0,
  ports: [{ name: '', protocol: 'TCP', port }],
  ...more,
});
const show = (...services: AgentService[]): void => {
  table = { revision: JSON.stringify(services), services };
};
const begin = async (containers: AgentContainer[] = [], min = 10): Promise<void> => {
  proxy = createServiceProxy({
    door: { services: (revision) => Promise.resolve(revision === table.revision ? undefined : table) },
    endpoints: {
      targets: () => chosen.then(() => targets),
      renewed() {
        renewals++;
        targets = afterRenewal ?? targets;
        return Promise.resolve(targets);
      },
    },
    containers,
    clock: systemClock,
    log: silentLogger,
    timing: { min, max: min },
    onEvent: (_type, reason, message) => void events.push(`${reason}: ${message}`),
  });
  await proxy.begin();
};
const ask = async (port: number, address = '127.224.77.1'): Promise<string> => {
  const socket = connect(port, address);
  return text(socket);
};

beforeEach(() => {
  [servers, targets, events] = [[], [], []];
  renewals = 0;
  chosen = Promise.resolve();
  afterRenewal = undefined;
  table = { revision: '', services: [] };
});
afterEach(() => {
  proxy?.stop();
  for (const server of servers) server.close();
});

describe.skipIf(!runs)('a Service over TCP', () => {
  it('is reached at its own port, whatever the port of its pods is', async () => {
    targets = [{ address: '127.0.0.1', port: await listenTcp(saying('hello')) }];
    const port = await freePort();
    show(service(port));
    await begin();
    expect(await ask(port)).toBe('hello');
  });

  it('carries as much as there is, both ways, and the end of one way without that of the other', async () => {
    const size = 8 * 1024 * 1024;
    const port = await freePort();
    // Answers with the size only after the client has ended.
    targets = [
      {
        address: '127.0.0.1',
        port: await listenTcp((socket) => {
          void buffer(socket).then((all) => socket.end(Buffer.concat([Buffer.from(`${all.length}\n`), all])));
        }),
      },
    ];
    show(service(port));
    await begin();
    const socket = connect({ port, host: '127.224.77.1', allowHalfOpen: true });
    socket.end(Buffer.alloc(size, 7));
    const answer = await buffer(socket);
    expect(answer.length).toBe(size + `${size}\n`.length);
    expect(answer.subarray(0, 8).toString()).toBe('8388608\n');
  });

  it('goes to another pod when one does not answer, and asks where they are now', async () => {
    const port = await freePort();
    const dead = { address: '127.0.0.1', port: await freePort() };
    targets = [dead];
    afterRenewal = [{ ...dead }, { address: '127.0.0.1', port: await listenTcp(saying('alive')) }];
    show(service(port));
    await begin();
    expect(await ask(port)).toBe('alive');
    expect(renewals).toBe(1);
  });

  it('without a pod that is ready breaks connections off at once', async () => {
    const port = await freePort();
    show(service(port));
    await begin();
    const since = Date.now();
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(Date.now() - since).toBeLessThan(1_000);
  });

  it('passes on that the pod broke off', async () => {
    const port = await freePort();
    targets = [
      {
        address: '127.0.0.1',
        port: await listenTcp((socket) => void socket.once('data', () => socket.resetAndDestroy())),
      },
    ];
    show(service(port));
    await begin();
    const socket = connect(port, '127.224.77.1');
    socket.write('x');
    await expect(text(socket)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('remembers the pod where the Service wants that', async () => {
    const port = await freePort();
    targets = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (word) => ({ address: '127.0.0.1', port: await listenTcp(saying(word)) })),
    );
    show(service(port, { clientIpAffinitySeconds: 60 }));
    await begin();
    const answers = [];
    for (let i = 0; i < 12; i++) answers.push(await ask(port));
    expect(new Set(answers).size).toBe(1);
  });
});

describe.skipIf(!runs)('a Service over UDP', () => {
  const listenUdp = (answer: (message: string) => string): Promise<number> =>
    new Promise((resolve) => {
      const socket = createSocket('udp4');
      servers.push(socket);
      socket.on('message', (m, from) => socket.send(answer(m.toString()), from.port, from.address));
      socket.bind(0, '127.0.0.1', () => resolve(socket.address().port));
    });
  const client = (): UdpSocket => {
    const socket = createSocket('udp4');
    servers.push(socket);
    return socket;
  };
  const once = (socket: UdpSocket, message: string, port: number): Promise<string> =>
    new Promise((resolve) => {
      socket.once('message', (m) => resolve(m.toString()));
      socket.send(message, port, '127.224.77.1');
    });

  it('answers each client from the pod that it began with', async () => {
    const port = await freePort();
    targets = [];
    for (const word of ['a', 'b', 'c', 'd'])
      targets.push({ address: '127.0.0.1', port: await listenUdp((m) => `${word}${m}`) });
    show(service(port, { ports: [{ name: '', protocol: 'UDP', port }] }));
    await begin();
    const one = client();
    const first = await once(one, '1', port);
    expect(first).toMatch(/^[abcd]1$/);
    for (let i = 2; i < 8; i++) expect(await once(one, `${i}`, port)).toBe(`${first[0]}${i}`);
    expect(await once(client(), 'x', port)).toMatch(/^[abcd]x$/);
  });

  it('keeps what comes while a pod is being chosen', async () => {
    const port = await freePort();
    targets = [{ address: '127.0.0.1', port: await listenUdp((m) => m) }];
    show(service(port, { ports: [{ name: '', protocol: 'UDP', port }] }));
    let choose: () => void = () => {};
    chosen = new Promise<void>((resolve) => (choose = resolve));
    await begin();
    const socket = client();
    const got: string[] = [];
    socket.on('message', (m) => void got.push(m.toString()));
    for (const word of ['a', 'b', 'c'])
      await new Promise((resolve) => socket.send(word, port, '127.224.77.1', resolve));
    // They come in while nothing is chosen yet.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    choose();
    await vi.waitFor(() => expect(got.toSorted()).toEqual(['a', 'b', 'c']));
  });
});

describe.skipIf(!runs)('the table of Services', () => {
  it('is followed: new ones are listened for, those that go are not', async () => {
    targets = [{ address: '127.0.0.1', port: await listenTcp(saying('hello')) }];
    const port = await freePort();
    await begin();
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    show(service(port), service(port, { name: 'other', address: '127.224.77.2' }));
    await vi.waitFor(async () => expect(await ask(port, '127.224.77.2')).toBe('hello'));
    expect(await ask(port)).toBe('hello');
    show(service(port));
    await vi.waitFor(() => expect(ask(port, '127.224.77.2')).rejects.toMatchObject({ code: 'ECONNREFUSED' }));
    expect(await ask(port)).toBe('hello');
  });

  it('leaves the ports that the pod declares to the pod, and says so once', async () => {
    targets = [{ address: '127.0.0.1', port: await listenTcp(saying('hello')) }];
    const port = await freePort();
    show(...Array.from({ length: 7 }, (_, i) => service(port, { name: `s${i}`, address: `127.224.77.${i + 1}` })));
    await begin([
      { name: 'app', fieldPath: 'spec.containers{app}', ports: [{ containerPort: port, protocol: 'TCP' }] },
    ]);
    // Every address is the pod's own to take.
    await listenTcp(saying('mine'), '0.0.0.0', port);
    expect(await ask(port)).toBe('mine');
    expect(events).toHaveLength(1);
    expect(events[0]).toContain(`ServicePortTaken: the pod itself uses TCP port ${port}`);
    expect(events[0]).toContain('default/s0, default/s1, default/s2, default/s3, default/s4 and 2 more');
  });

  it('says which port the pod has taken undeclared, and takes it when it is free', async () => {
    targets = [{ address: '127.0.0.1', port: await listenTcp(saying('hello')) }];
    const port = await listenTcp(saying('mine'), '0.0.0.0');
    const mine = servers.at(-1) as Server;
    show(service(port));
    await begin();
    expect(events[0]).toContain('ServicePortTaken');
    expect(await ask(port)).toBe('mine');
    await new Promise((resolve) => mine.close(resolve));
    await vi.waitFor(async () => expect(await ask(port)).toBe('hello'));
  });

  it('that cannot be read is asked for again, and nothing waits for it', async () => {
    const port = await freePort();
    targets = [{ address: '127.0.0.1', port: await listenTcp(saying('hello')) }];
    show(service(port));
    let calls = 0;
    proxy = createServiceProxy({
      door: { services: () => (++calls === 1 ? Promise.reject(new Error('away')) : Promise.resolve(table)) },
      endpoints: { targets: () => Promise.resolve(targets), renewed: () => Promise.resolve(targets) },
      containers: [],
      // Its five seconds are over at once.
      clock: { ...systemClock, setTimer: (callback) => systemClock.setTimer(callback, 1) },
      log: silentLogger,
      timing: { min: 10, max: 10 },
      onEvent: () => {},
    });
    await proxy.begin();
    await vi.waitFor(async () => expect(await ask(port)).toBe('hello'));
  });
});
