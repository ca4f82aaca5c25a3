/** Real pods that answer with their name, and ways to ask from inside them. */
import { Writable } from 'node:stream';
import type { Engine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import type { DockerProvider } from '@nodeless/virtual-kubelet/providers/docker/docker-provider';
import type { PodRef, ResolvedPod } from '@nodeless/virtual-kubelet/providers/provider';
import { ensureEchoImage } from './echo-image.ts';

export interface EchoPod {
  readonly ref: PodRef;
  readonly nodeName: string;
  readonly ip: string;
  /** Runs a piece of JavaScript in the pod; what it prints. */
  run(script: string): Promise<string>;
  /** Connects `count` times, one after the other, each from a socket of its own; a word for each: what came or the error's code. */
  tcp(host: string, port: number, count?: number): Promise<string[]>;
  /** Sends `count` datagrams from one socket, one after the other; what came back or `timeout`. */
  udp(host: string, port: number, count?: number): Promise<string[]>;
}

export interface EchoPodOptions {
  readonly nodeName: string;
  readonly hostNetwork?: boolean;
  readonly dns?: ResolvedPod['dns'];
  readonly volumes?: ResolvedPod['volumes'];
  readonly env?: Readonly<Record<string, string>>;
}

const tcpScript = (host: string, port: number, count: number): string => `
(async () => {
  for (let i = 0; i < ${count}; i++) console.log(await new Promise((done) => {
    const socket = require('node:net').connect({ host: ${JSON.stringify(host)}, port: ${port} });
    let text = '';
    socket.setTimeout(3000, () => { done('timeout'); socket.destroy(); });
    socket.on('data', (data) => (text += data));
    socket.on('end', () => done(text.trim()));
    socket.on('error', (error) => done(error.code));
  }));
})();`;

const udpScript = (host: string, port: number, count: number): string => `
(async () => {
  const socket = require('node:dgram').createSocket('udp4');
  for (let i = 0; i < ${count}; i++) console.log(await new Promise((done) => {
    const timer = setTimeout(() => done('timeout'), 3000);
    socket.once('message', (data) => { clearTimeout(timer); done(String(data)); });
    socket.once('error', (error) => done(error.code));
    socket.send('x', ${port}, ${JSON.stringify(host)}, (error) => { if (error) { clearTimeout(timer); done(error.code); } });
  }));
  socket.close();
})();`;

export async function startEchoPod(
  engine: Engine,
  provider: DockerProvider,
  name: string,
  options: EchoPodOptions,
): Promise<EchoPod> {
  const image = await ensureEchoImage(engine);
  const ref: PodRef = { namespace: 'default', name, uid: `${name}-${Math.random().toString(36).slice(2, 10)}` };
  const mounts = (options.volumes ?? []).map((volume) => ({ name: volume.name, mountPath: `/volumes/${volume.name}` }));
  await provider.createPod({
    pod: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...ref },
      spec: {
        nodeName: options.nodeName,
        hostNetwork: options.hostNetwork,
        terminationGracePeriodSeconds: 0,
        restartPolicy: 'Always',
        containers: [{ name: 'echo', image, imagePullPolicy: 'Never', volumeMounts: mounts }],
      },
    },
    containers: {
      echo: {
        name: 'echo',
        env: Object.entries({ POD_NAME: name, ...options.env }).map(([key, value]) => ({ name: key, value })),
        command: undefined,
        args: undefined,
      },
    },
    volumes: options.volumes ?? [],
    dns: options.dns ?? { nameservers: [], searches: [], options: [] },
    hostname: name,
    hostAliases: [],
    pullSecrets: [],
    nodeAddresses: [],
  });
  const ip = await addressOf(provider, ref);
  const run = async (script: string): Promise<string> => {
    const chunks: Buffer[] = [];
    const collect = new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        done();
      },
    });
    await provider.exec(ref, 'echo', ['/bin/node', '-e', script], {
      stdin: undefined,
      stdout: collect,
      stderr: collect,
      tty: false,
      onResize: () => {},
      signal: AbortSignal.timeout(60_000),
    });
    return Buffer.concat(chunks).toString('utf8').trim();
  };
  return {
    ref,
    nodeName: options.nodeName,
    ip,
    run,
    tcp: async (host, port, count = 1) => (await run(tcpScript(host, port, count))).split('\n'),
    udp: async (host, port, count = 1) => (await run(udpScript(host, port, count))).split('\n'),
  };
}

/** Once its container runs. */
async function addressOf(provider: DockerProvider, ref: PodRef): Promise<string> {
  for (;;) {
    const seen = await provider.observePod(ref);
    const container = seen?.containers[0];
    if (seen?.podIp && container?.state.running) return seen.podIp;
    const waiting = container?.state.waiting ?? container?.lastState?.terminated;
    if (waiting?.message) throw new Error(`${ref.name}: ${waiting.reason} ${waiting.message}`);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        watching?.stop();
        clearTimeout(timer);
        resolve();
      };
      const watching = provider.subscribe?.(done, () => {});
      const timer = setTimeout(done, 500);
    });
  }
}
