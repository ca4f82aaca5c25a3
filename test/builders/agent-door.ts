/** A cluster in memory with one node, and the kubelet's door before it: for tests of the agent protocol. */
import { type Server, createServer } from 'node:http';
import { Readable } from 'node:stream';
import type { Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Client } from '@nodeless/client/client';
import { configMaps, nodes, pods, serviceAccounts } from '@nodeless/client/resource-types';
import type { LogOptions, PodRef } from '@nodeless/client/node-connection';
import type { Clock } from '@nodeless/component-base/clock';
import { silentLogger } from '@nodeless/component-base/logger';
import { apiServerUser } from '@nodeless/controller-runtime/component-users';
import { createServiceAccountKey } from '@nodeless/local/certificates';
import { reconcilePolicy } from '@nodeless/registry/authorization/reconcile-policy';
import { ensureBootstrap } from '@nodeless/registry/bootstrap/bootstrap';
import { createClusterRegistry } from '@nodeless/registry/cluster';
import { createKubeletTokenSigner } from '@nodeless/registry/subresources/kubelet-token';
import {
  createTokenIssuer,
  loadServiceAccountKeys,
  type ServiceAccountKeys,
} from '@nodeless/registry/subresources/token-issuer';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import { agentAudience, type AgentTiming, bootTokenSeconds } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { createAgentDoor, type FetchHandler } from '@nodeless/virtual-kubelet/agent-door/door';
import { createTokenVerifier } from '@nodeless/virtual-kubelet/agent-door/token-verifier';
import type { ServiceDirectory } from '@nodeless/virtual-kubelet/agent-door/service-directory';
import type { ConnectedProvider } from '@nodeless/virtual-kubelet/kubelet-api/in-process-connection';
import { requestToken } from '@nodeless/virtual-kubelet/service-account-tokens';

export const issuer = 'https://cluster.example';
export const nodeName = 'fargate-us-east-1a-amd64-on-demand';
export const namespace = 'default';

export interface AgentCluster {
  /** May do everything. */
  readonly admin: Client;
  readonly door: FetchHandler;
  readonly keys: ServiceAccountKeys;
  readonly clock: Clock;
  readonly kubeletToken: () => Promise<string>;
  /** Logs that were asked for at the provider. */
  readonly logRequests: { readonly ref: PodRef; readonly options: LogOptions }[];
  nodeClient(name?: string): Client;
  /** Creates a pod, binds it to the node, and says in its status that its containers run (as run `run-<container>`). */
  startPod(name: string, spec: Partial<PodSpec>, options?: { readonly waiting?: boolean }): Promise<Pod>;
  readPod(name: string): Promise<Pod>;
  agentToken(pod: Pod, seconds?: number, audience?: string): Promise<string>;
  /** Is done between the door's next read of a pod and its write. */
  meanwhile(work: () => Promise<unknown>): void;
  /** Tokens that are asked for from now on live so many seconds; undefined = as long as they should. */
  shortenTokens(seconds: (audience: string) => number | undefined): void;
  close(): Promise<void>;
}

export interface AgentClusterOptions {
  readonly clock: Clock;
  readonly timing?: Partial<AgentTiming>;
  readonly program?: string;
  readonly services?: (client: Client) => ServiceDirectory;
  /** What a container has printed. */
  readonly logs?: (options: LogOptions) => Readable;
}

export async function createAgentCluster(options: AgentClusterOptions): Promise<AgentCluster> {
  const { clock } = options;
  const store = createMemoryStore({ clock });
  const keys = await loadServiceAccountKeys(await createServiceAccountKey());
  const tokens = createTokenIssuer({ keys, issuer, audiences: [issuer], clock });
  let shorter: (audience: string) => number | undefined = () => undefined;
  const cluster = await createClusterRegistry({
    store,
    clock,
    tokens: {
      issue: (claims) =>
        tokens.issue({
          ...claims,
          expirationSeconds: shorter(claims.audiences[0] ?? '') ?? claims.expirationSeconds,
        }),
    },
  });
  const admin = cluster.clientFor(apiServerUser, 'test');
  await ensureBootstrap(admin, { serviceCidr: '10.96.0.0/16' });
  if (options.services) await reconcilePolicy(admin);
  await admin.create(serviceAccounts, { metadata: { name: 'default', namespace } });
  await admin.create(configMaps, { metadata: { name: 'kube-root-ca.crt', namespace }, data: { 'ca.crt': 'roots' } });
  await admin.create(nodes, { metadata: { name: nodeName } });
  const clients = new Map<string, Client>();
  const nodeClient = (name = nodeName): Client => {
    const known = clients.get(name);
    if (known) return known;
    const user = { name: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] };
    const made = cluster.clientFor(user, 'kubelet');
    clients.set(name, made);
    return made;
  };
  let interference: (() => Promise<unknown>) | undefined;
  const doorClient = (name: string): Client => {
    const client = nodeClient(name);
    return {
      ...client,
      async update(type, object, asked) {
        const work = interference;
        interference = undefined;
        await work?.();
        return client.update(type, object, asked);
      },
    };
  };
  const logRequests: { ref: PodRef; options: LogOptions }[] = [];
  const provider = {
    name: 'fake',
    openLogs(ref: PodRef, asked: LogOptions) {
      logRequests.push({ ref, options: asked });
      return Promise.resolve(options.logs?.(asked) ?? Readable.from([Buffer.from('a line\n')]));
    },
  } as unknown as ConnectedProvider;
  const program = new TextEncoder().encode(options.program ?? '// the agent\n');
  const door = createAgentDoor({
    verify: createTokenVerifier({ keys: keys.verify, issuer, clock }),
    readPod: async (ns, name) => (await cluster.registry.reader.get('', 'pods', ns, name)) as Pod | undefined,
    clientFor: doorClient,
    provider,
    program: () => Promise.resolve({ body: program, revision: 'program-1' }),
    dns: { nameservers: ['10.96.0.10'], domain: 'cluster.local', node: { nameservers: [], searches: [], options: [] } },
    // With no more rights than whoever carries Services elsewhere.
    services: options.services?.(
      cluster.clientFor({ name: 'system:kube-proxy', groups: ['system:authenticated'] }, 'kube-proxy'),
    ),
    timing: options.timing,
    clock,
    log: silentLogger,
  });
  return {
    admin,
    door,
    keys,
    clock,
    kubeletToken: createKubeletTokenSigner({ keys, issuer, clock }),
    logRequests,
    nodeClient,
    async startPod(name, spec, { waiting = false } = {}) {
      const created = await admin.create(pods, {
        metadata: { name, namespace },
        spec: { containers: [{ name: 'app', image: 'app' }], nodeName, ...spec },
      });
      if (waiting) return created;
      const containers = created.spec?.containers ?? [];
      return admin.update(
        pods,
        {
          ...created,
          status: {
            ...created.status,
            phase: 'Running',
            containerStatuses: containers.map((c) => ({
              name: c.name,
              image: c.image ?? '',
              imageID: '',
              containerID: `ecs://run-${c.name}`,
              restartCount: 0,
              ready: false,
              started: false,
              state: { running: { startedAt: new Date(clock.now()).toISOString().replace(/\.\d+/, '') } },
            })),
          },
        },
        { subresource: 'status' },
      );
    },
    readPod: (name) => admin.get(pods, { namespace, name }),
    async agentToken(pod, seconds = bootTokenSeconds, audience = agentAudience) {
      return (await requestToken(nodeClient(), clock, pod, audience, seconds)).token;
    },
    meanwhile(work) {
      interference = work;
    },
    shortenTokens(seconds) {
      shorter = seconds;
    },
    async close() {
      cluster.close();
      await store.close();
    },
  };
}

export interface DoorServer {
  readonly port: number;
  /** While it is away connections are refused. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

/** The handler behind node:http, as a Function URL puts it behind the web. */
export async function serveDoor(door: FetchHandler, host = '127.0.0.1'): Promise<DoorServer> {
  const open = (port: number): Promise<Server> =>
    new Promise((resolve, reject) => {
      const server = createServer((request, response) => {
        const body: RequestInit =
          request.method === 'GET' ? {} : { body: Readable.toWeb(request) as never, duplex: 'half' as never };
        const stopped = new AbortController();
        response.on('close', () => stopped.abort());
        const headers = Object.entries(request.headers).map(([k, v]) => [k, String(v)] as [string, string]);
        door(
          new Request(`http://${request.headers.host}${request.url}`, {
            method: request.method ?? 'GET',
            headers,
            signal: stopped.signal,
            ...body,
          }),
        ).then(
          (answer) => {
            response.writeHead(answer.status, Object.fromEntries(answer.headers));
            if (answer.body)
              Readable.fromWeb(answer.body as never)
                .on('error', () => response.destroy())
                .pipe(response);
            else response.end();
          },
          () => response.destroy(),
        );
      });
      server.once('error', reject);
      server.listen(port, host, () => resolve(server));
    });
  let server: Server | undefined = await open(0);
  const { port } = server.address() as { port: number };
  const shut = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    if (!closing) return;
    await new Promise<void>((resolve) => {
      closing.close(() => resolve());
      closing.closeAllConnections();
    });
  };
  return {
    port,
    goAway: shut,
    async comeBack() {
      server ??= await open(port);
    },
    close: shut,
  };
}
