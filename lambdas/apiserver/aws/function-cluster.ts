/** The API server of one cluster in AWS, made of the cluster's parameters and its store. Nothing is made before it is needed. */
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { madeOnce } from '@nodeless/component-base/made-once';
import { createHttpNodeConnection } from '@nodeless/client/http-node-connection';
import { stsHost } from '@nodeless/client/iam-token';
import { createKubeletTokenSigner } from '@nodeless/registry/subresources/kubelet-token';
import { type ServiceAccountKeys, loadServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import type { Store } from '@nodeless/store/store';
import type { TokenAuthenticator } from '../authentication/authenticator.ts';
import { type AccessEntry, parseAccessEntries } from '../authentication/iam/access-entries.ts';
import { createStsCaller } from '../authentication/iam/caller-identity.ts';
import { createIamAuthenticator } from '../authentication/iam/iam-authenticator.ts';
import { createOidcTokens, parseOidcSettings } from '../authentication/oidc-token.ts';
import { type ControlPlane, type ControlPlaneOptions, createControlPlane } from '../control-plane.ts';
import { type Doorkeeper, createDoorkeeper } from '../doorkeeper.ts';
import { checkSignature, checkWith } from '../token-checks.ts';
import { versionInfo } from '../version.ts';
import type { ClusterParameters } from '@nodeless/component-base/aws/cluster-parameters';
import { createFunctionAudit } from './function-audit.ts';

export interface FunctionClusterDeps extends Pick<ControlPlaneOptions, 'admission' | 'terms'> {
  /** The name; the id that tokens are signed for may be longer (parameter `cluster-id`). */
  readonly cluster: string;
  readonly region: string;
  readonly stsEndpoint: string;
  /** ARN of a KMS key; absent: the parameter `service-account-key` is the key. */
  readonly signingKey?: string;
  readonly originSecret?: string;
  readonly parameters: ClusterParameters;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface FunctionCluster {
  keeper(): Promise<Doorkeeper>;
  open(): Promise<ControlPlane>;
}

interface Identity {
  readonly issuer: string;
  readonly keys: ServiceAccountKeys;
  readonly authenticators: readonly TokenAuthenticator[];
  readonly keeper: Doorkeeper;
}

export function createFunctionCluster(deps: FunctionClusterDeps): FunctionCluster {
  const { clock, log, parameters, store, region } = deps;

  const required = async (name: string): Promise<string> => {
    const value = await parameters.get(name);
    if (value === undefined || value === '') throw new Error(`the parameter ${JSON.stringify(name)} is missing`);
    return value;
  };
  const signer = async (): Promise<ServiceAccountKeys> => {
    if (deps.signingKey === undefined) return await loadServiceAccountKeys(await required('service-account-key'));
    const { createKmsSigner } = await import('@nodeless/registry/aws/kms-signer');
    return await loadServiceAccountKeys(await createKmsSigner(deps.signingKey));
  };
  const make = async (): Promise<Identity> => {
    const [endpoint, keys, id, oidc] = await Promise.all([
      required('endpoint'),
      signer(),
      parameters.get('cluster-id'),
      parameters.get('oidc'),
    ]);
    const issuer = endpoint.replace(/\/$/, '');
    const audiences = [issuer];
    const host = new URL(deps.stsEndpoint).host;
    const iam = createIamAuthenticator({
      region,
      hosts: [stsHost(region), host],
      ask: createStsCaller({ endpoint: deps.stsEndpoint.replace(/\/$/, ''), cluster: id ?? deps.cluster }),
      entries: createEntries(parameters, log),
      audiences,
      clock,
    });
    const authenticators = [
      iam,
      ...(oidc ? [createOidcTokens({ settings: parseOidcSettings(oidc), audiences, clock })] : []),
    ];
    const keeper = createDoorkeeper({
      checks: [
        ...authenticators.map((one) => checkWith(one, audiences)),
        checkSignature({ issuer, keys: keys.verify, clock }),
      ],
      version: versionInfo,
      oidc: () =>
        Promise.resolve({ issuer, jwksUri: `${issuer}/openid/v1/jwks`, algorithms: [keys.algorithm], jwks: keys.jwks }),
      originSecret: deps.originSecret,
    });
    return { issuer, keys, authenticators, keeper };
  };
  const identity = madeOnce(make);

  return {
    keeper: async () => (await identity()).keeper,
    async open() {
      const { issuer, keys, authenticators } = await identity();
      return await createControlPlane({
        store,
        clock,
        log,
        issuer,
        serviceAccountKeys: keys,
        authenticators,
        // The doorkeeper lets nobody in without a credential but to /readyz.
        anonymous: true,
        nodes: createHttpNodeConnection({
          url: async () => (await required('kubelet-endpoint')).replace(/\/$/, ''),
          token: createKubeletTokenSigner({ keys, issuer, clock }),
        }),
        admission: deps.admission,
        terms: deps.terms,
        audit: createFunctionAudit(() => clock.now()),
      });
    },
  };
}

/** What cannot be read leaves what was read before: a wrong entry must not lock everybody out. */
function createEntries(
  parameters: ClusterParameters,
  log: Logger,
): (maxAgeMs: number) => Promise<readonly AccessEntry[]> {
  let text: string | undefined;
  let entries: readonly AccessEntry[] = [];
  return async (maxAgeMs) => {
    const next = (await parameters.get('access', maxAgeMs)) ?? '[]';
    if (next === text) return entries;
    try {
      entries = parseAccessEntries(next);
    } catch (error) {
      log.error('the access entries are not good; those before them stay', { error });
      if (text === undefined) throw error;
    }
    text = next;
    return entries;
  };
}
