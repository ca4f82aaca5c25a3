/**
 * The API server of a cluster in AWS as one long-running process: the same composition as the function, with node's own server in
 * front instead of a function's URL. For clusters with many watchers: a held watch costs nothing here (docs/adr/0035-the-hub.md).
 */
import { createFunctionCluster, type FunctionClusterDeps } from '@nodeless/apiserver/aws/function-cluster';
import type { ApiServer } from '@nodeless/apiserver/apiserver';
import type { Doorkeeper } from '@nodeless/apiserver/doorkeeper';
import { listen, type Listener } from '../apiserver-listener.ts';
import { issueServingCertificate, needsRenewal, servingNames } from '../certificates.ts';
import { loadAuthority, type SecretParameters } from './authority.ts';

export interface HubOptions extends Omit<FunctionClusterDeps, 'terms' | 'parameters'> {
  readonly parameters: SecretParameters;
  /** Where clients reach this process: an address or name of its own. */
  readonly address: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Names besides the address. */
  readonly names?: readonly string[];
  readonly clusterDomain: string;
  readonly serviceIp: string;
  readonly host?: string;
}

export interface Hub {
  /** `https://203.0.113.7:443`; also in the parameter `hub-endpoint`, with `hub-ca` beside it. */
  readonly url: string;
  /** PEM of the authority that the serving certificate is of. */
  readonly ca: string;
  /** Takes no more requests and breaks watches off. Idempotent. */
  close(): Promise<void>;
}

const closeGraceMs = 5_000;
const renewalMs = 24 * 3600 * 1000;

/** Resolves when it answers, and clients can find it. */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { parameters, address, clock, log } = options;
  const ca = await loadAuthority(parameters, `nodeless ${options.cluster}`, clock.now());
  const { clusterDomain, serviceIp, names = [] } = options;
  const called = servingNames({ clusterDomain, serviceIp, extra: [address, ...names] });
  let serving = await issueServingCertificate(ca, called, clock.now());
  const tls = () => ({ ...serving, clientCa: ca.certificate });

  const cluster = createFunctionCluster(options);
  const [keeper, plane] = await Promise.all([cluster.keeper(), cluster.open()]);
  let listener: Listener;
  try {
    listener = await listen({
      api: guarded(plane.api, keeper),
      tls: tls(),
      host: options.host ?? '0.0.0.0',
      port: options.port,
      log,
    });
  } catch (error) {
    plane.close();
    throw error;
  }
  const url = `https://${address.includes(':') ? `[${address}]` : address}:${listener.address.port}`;

  const renew = async (): Promise<void> => {
    if (!needsRenewal(serving, ca, called, clock.now())) return;
    serving = await issueServingCertificate(ca, called, clock.now());
    listener.setCertificate(tls());
  };
  const again = () =>
    clock.setTimer(
      () =>
        void renew()
          .catch(noRenewal)
          .finally(() => (timer = again())),
      renewalMs,
    );
  const noRenewal = (error: unknown): void => log.error('the certificate could not be renewed', { error });
  let timer = again();

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      timer.cancel();
      await listener.close(closeGraceMs);
      plane.close();
    })());
  try {
    await Promise.all([parameters.put('hub-endpoint', url), parameters.put('hub-ca', ca.certificate)]);
  } catch (error) {
    await close();
    throw error;
  }
  return { url, ca: ca.certificate, close };
}

/** Whoever shows no credential that could be good is sent away before anything is read for him, as at the function's URL. */
function guarded(api: ApiServer, keeper: Doorkeeper): ApiServer {
  return {
    async handle(request, upgradable) {
      return (await keeper.answer(request)) ?? (await api.handle(request, upgradable));
    },
  };
}
