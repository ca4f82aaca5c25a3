import type { TokenRequest } from '@nodeless/apimachinery/generated/types/authentication/v1';
import type { Pod, ServiceAccount } from '@nodeless/apimachinery/generated/types/core/v1';
import { findType } from '@nodeless/apimachinery/schema';
import { invalidValue } from '@nodeless/apimachinery/field-errors';
import { type UnknownObject, parseApiVersion } from '@nodeless/apimachinery/object';
import { badRequest, conflict, invalid, notFound } from '@nodeless/apimachinery/status';
import type { RegistryCore } from '../core.ts';
import { ObjectEncoded } from '../encoded.ts';
import { methodNotAllowed } from '../endpoint.ts';
import { timestamp } from '../deletion.ts';
import { trackPosted } from '../managed-fields.ts';
import { getEntry } from '../read.ts';
import type { RequestScope } from '../registry.ts';
import { objectOf } from '../stored-value.ts';
import { admitPosted, decodePosted } from './posted-body.ts';
import type { SubresourceHandler } from './subresources.ts';

/** Signs ServiceAccount tokens. */
export interface TokenIssuer {
  issue(claims: TokenClaims): Promise<IssuedToken>;
}

export interface TokenClaims {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  /** Empty: the API server's own. */
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  /** What the token dies with. */
  readonly boundTo?: { readonly kind: 'Pod' | 'Secret' | 'Node'; readonly name: string; readonly uid: string };
  /** The node of a pod that the token is bound to. */
  readonly node?: { readonly name: string; readonly uid?: string };
}

export interface IssuedToken {
  readonly token: string;
  /** RFC 3339. */
  readonly expirationTimestamp: string;
  /** As they are in the token. */
  readonly audiences: readonly string[];
}

const requestKind = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const minSeconds = 600;
const maxSeconds = 2 ** 32;
const defaultSeconds = 3600;

/** serviceaccounts/token (registry/core/serviceaccount/storage/token.go). */
export function createToken(core: RegistryCore, tokens: TokenIssuer | undefined): SubresourceHandler {
  return {
    async create(scope, body) {
      if (!tokens) throw methodNotAllowed();
      const { endpoint, object, dryRun } = decodePosted(core, scope, body);
      const { spec, metadata: sent } = object as TokenRequest;
      if (sent?.name && sent.name !== scope.name) {
        throw invalid(requestKind, scope.name, [
          invalidValue('metadata.name', sent.name, 'must match the service account name if specified'),
        ]);
      }
      const expirationSeconds = spec?.expirationSeconds ?? defaultSeconds;
      object.spec = { ...spec, expirationSeconds };
      trackPosted(object, endpoint.served.subresources.get('token')!, scope, core.clock.now());
      const account = objectOf((await getEntry(core, scope, endpoint)).value) as ServiceAccount;
      const { name, namespace } = account.metadata ?? {};
      checkExpiration(expirationSeconds);
      await admitPosted(core, scope, endpoint, object, dryRun);
      const bound = spec?.boundObjectRef ? await boundObject(core, scope, name ?? '', spec.boundObjectRef) : {};
      const issued = await tokens.issue({
        namespace: namespace ?? '',
        serviceAccount: { name: name ?? '', uid: account.metadata?.uid ?? '' },
        audiences: spec?.audiences ?? [],
        expirationSeconds,
        ...bound,
      });
      const answer: UnknownObject = {
        ...object,
        metadata: { ...object.metadata, name, namespace, creationTimestamp: timestamp(core.clock.now()) },
        spec: { ...spec, audiences: issued.audiences, expirationSeconds },
        status: { token: issued.token, expirationTimestamp: issued.expirationTimestamp },
      };
      return { code: 201, result: new ObjectEncoded(answer, findType('io.k8s.api.authentication.v1.TokenRequest')) };
    },
  };
}

function checkExpiration(seconds: number): void {
  const detail =
    seconds < minSeconds
      ? 'may not specify a duration less than 10 minutes'
      : seconds > maxSeconds
        ? 'may not specify a duration larger than 2^32 seconds'
        : undefined;
  if (detail === undefined) return;
  throw invalid(requestKind, '', [invalidValue('spec.expirationSeconds', seconds, detail)]);
}

type Reference = NonNullable<NonNullable<TokenRequest['spec']>['boundObjectRef']>;

async function boundObject(
  core: RegistryCore,
  { namespace }: RequestScope,
  account: string,
  { apiVersion = '', kind = '', name = '', uid: wanted }: Reference,
): Promise<Pick<TokenClaims, 'boundTo' | 'node'>> {
  const gv = parseApiVersion(apiVersion) ?? { group: '', version: '' };
  const resource =
    gv.group === '' && (kind === 'Pod' || kind === 'Secret' || kind === 'Node')
      ? (`${kind.toLowerCase()}s` as const)
      : undefined;
  if (!resource) throw badRequest(`cannot bind token to object of type ${gv.group}/${gv.version}, Kind=${kind}`);
  const object = await core.reader.get('', resource, kind === 'Node' ? '' : namespace, name);
  if (!object) throw notFound({ group: '', resource }, name);
  const uid = object.metadata?.uid ?? '';
  const pod = kind === 'Pod' ? (object as Pod) : undefined;
  if (pod && pod.spec?.serviceAccountName !== account) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
    );
  }
  if (wanted && wanted !== uid) {
    throw conflict(
      { group: gv.group, resource: kind },
      name,
      `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  const boundTo = { kind: kind as 'Pod' | 'Secret' | 'Node', name, uid };
  if (!pod?.spec?.nodeName) return { boundTo };
  const node = await core.reader.get('', 'nodes', '', pod.spec.nodeName);
  return { boundTo, node: { name: pod.spec.nodeName, ...(node?.metadata?.uid && { uid: node.metadata.uid }) } };
}
