import type { TokenRequest, TokenRequestSpec } from '@nodeless/apimachinery/generated/types/authentication/v1';
import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { type KubernetesObject, type UnknownObject, parseApiVersion } from '@nodeless/apimachinery/object';
import { ApiError, badRequest, conflict, invalid, notFound } from '@nodeless/apimachinery/status';
import type { Clock } from '@nodeless/component-base/clock';
import type { AdmissionReader } from '@nodeless/registry/admission/admission';
import type { VirtualCreate } from '@nodeless/registry/authorization/virtual-create';
import type { KubernetesClaims } from './service-account-token.ts';
import type { TokenIssuer } from './token-issuer.ts';

export interface TokenRequestDeps {
  readonly issuer: TokenIssuer;
  readonly reader: AdmissionReader;
  /** The API server's own: what a token is for when the request does not say. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
}

const kind = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const minSeconds = 10 * 60;
const maxSeconds = 2 ** 32;
/** What a kubelet asks for on behalf of pods that do not say: such tokens live on for a year, with a note in the audit log. */
const warnOnlySeconds = 3607;
const extendedSeconds = 365 * 24 * 3600;

/** serviceaccounts/token: a new token for the ServiceAccount. */
export function createTokenRequest(deps: TokenRequestDeps): VirtualCreate {
  const { issuer, reader, clock } = deps;

  const get = async (resource: string, namespace: string, name: string): Promise<Readonly<UnknownObject>> => {
    const found = await reader.get('', resource, namespace, name);
    if (!found) throw notFound({ group: '', resource }, name);
    return found;
  };

  return async (object, { namespace, name, annotate }) => {
    const request = object as unknown as TokenRequest;
    const metadata = request.metadata ?? {};
    mustMatch('name', metadata.name, name, name);
    mustMatch('namespace', metadata.namespace, namespace, name);
    const account = await get('serviceaccounts', namespace, name);
    const uid = account.metadata?.uid ?? '';
    if (metadata.uid && metadata.uid !== uid) {
      throw conflict({ group: kind.group, resource: kind.kind }, name, `the UID in the token request (${metadata.uid}) does not match the UID of the service account (${uid})`);
    }
    const spec: TokenRequestSpec = {
      ...request.spec,
      audiences: request.spec?.audiences?.length ? request.spec.audiences : [...deps.audiences],
      expirationSeconds: Number(request.spec?.expirationSeconds ?? 3600),
    };
    const seconds = spec.expirationSeconds as number;
    validateSeconds(seconds);
    const now = Math.floor(clock.now() / 1000);
    const bound = await bind(spec, namespace, name, get, reader);
    const extend = bound.pod !== undefined && seconds === warnOnlySeconds && spec.audiences.every((audience) => deps.audiences.includes(audience));
    const claims: KubernetesClaims = {
      namespace,
      ...bound,
      serviceaccount: { name, uid },
      ...(extend ? { warnafter: now + seconds } : {}),
    };
    const { token, id } = await issuer.issue(claims, { audiences: spec.audiences, seconds: extend ? extendedSeconds : seconds });
    annotate('authentication.kubernetes.io/issued-credential-id', `JTI=${id}`);
    return {
      ...object,
      metadata: { ...metadata, name, namespace, uid, creationTimestamp: timeText(now) },
      spec,
      status: { token, expirationTimestamp: timeText(now + seconds) },
    } as unknown as UnknownObject;
  };
}

const timeText = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');

function mustMatch(field: 'name' | 'namespace', value: string | undefined, wanted: string, name: string): void {
  if (!value || value === wanted) return;
  const message = `Invalid value: ${JSON.stringify(value)}: must match the service account ${field} if specified`;
  throw invalid(kind, name, [{ type: 'FieldValueInvalid', field: `metadata.${field}`, message }]);
}

function validateSeconds(seconds: number): void {
  const fault = (detail: string): ApiError =>
    invalid(kind, '', [{ type: 'FieldValueInvalid', field: 'spec.expirationSeconds', message: `Invalid value: ${seconds}: ${detail}` }]);
  if (seconds < minSeconds) throw fault('may not specify a duration less than 10 minutes');
  if (seconds > maxSeconds) throw fault('may not specify a duration larger than 2^32 seconds');
}

type Getter = (resource: string, namespace: string, name: string) => Promise<Readonly<UnknownObject>>;
type Bound = Pick<KubernetesClaims, 'pod' | 'secret' | 'node'>;

/** Looks up what the token is to be bound to. */
async function bind(spec: TokenRequestSpec, namespace: string, account: string, get: Getter, reader: AdmissionReader): Promise<Bound> {
  const reference = spec.boundObjectRef;
  if (!reference) return {};
  const gv = parseApiVersion(reference.apiVersion ?? '') ?? { group: '', version: reference.apiVersion ?? '' };
  const { kind: boundKind = '', name = '' } = reference;
  if (gv.group !== '' || !['Pod', 'Secret', 'Node'].includes(boundKind)) {
    throw badRequest(`cannot bind token to object of type ${gv.group}/${gv.version}, Kind=${boundKind}`);
  }
  const object = await get(`${boundKind.toLowerCase()}s`, boundKind === 'Node' ? '' : namespace, name);
  const own = { name, uid: uidOf(object) };
  const pod = boundKind === 'Pod' ? (object as unknown as Pod) : undefined;
  if (pod && pod.spec?.serviceAccountName !== account) {
    throw badRequest(`cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`);
  }
  if (reference.uid && reference.uid !== own.uid) {
    const message = `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: '', resource: boundKind }, name, message);
  }
  if (boundKind === 'Secret') return { secret: own };
  if (boundKind === 'Node') return { node: own };
  const nodeName = pod?.spec?.nodeName;
  if (!nodeName) return { pod: own };
  // The name is told even of a node that has gone.
  const node = (await reader.get('', 'nodes', '', nodeName)) as Readonly<Node> | undefined;
  return { pod: own, node: { name: nodeName, uid: node ? uidOf(node) : '' } };
}

const uidOf = (object: Readonly<KubernetesObject>): string => object.metadata?.uid ?? '';
