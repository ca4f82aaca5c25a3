import type { Container, Pod, PodSpec, ServiceAccount, Volume } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { podReferences } from '../authorization/pod-references.ts';
import { randomSuffix } from '@nodeless/apimachinery/names';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionReader } from './admission.ts';
import { refuse } from './refuse.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
const mirrorAnnotation = 'kubernetes.io/config.mirror';
/** An hour and seven seconds, upstream's tell-tale for tokens that were mounted by default. */
const tokenSeconds = 3607;
const mountableOnly = 'kubernetes.io/enforce-mountable-secrets';

/** Pods run as a ServiceAccount (`default` if none is named), get its pull secrets and a token mounted. */
export const serviceAccount: AdmissionPlugin = {
  name: 'ServiceAccount',
  handles: ({ resource, subresource, operation }) =>
    resource.group === '' && resource.resource === 'pods' && subresource === '' && operation === 'CREATE',
  async admit(attributes, read) {
    const pod = attributes.object as (UnknownObject & Pod) | undefined;
    const { spec } = pod ?? {};
    if (!pod || !spec || pod.metadata?.annotations?.[mirrorAnnotation] !== undefined) return;
    if (!spec.serviceAccountName) spec.serviceAccountName = 'default';
    spec.serviceAccount = spec.serviceAccountName;
    const account = await find(attributes, spec.serviceAccountName, read);
    if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec);
    if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
      spec.imagePullSecrets = account.imagePullSecrets.map((secret) => ({ ...secret }));
  },
  async validate(attributes, read) {
    const pod = attributes.object as (UnknownObject & Pod) | undefined;
    const { spec } = pod ?? {};
    if (!pod || !spec) return;
    if (pod.metadata?.annotations?.[mirrorAnnotation] !== undefined) return checkMirror(attributes, pod);
    const account = await find(attributes, spec.serviceAccountName ?? '', read);
    if (account.metadata?.annotations?.[mountableOnly] === 'true') limitSecrets(attributes, spec, account);
  },
};

/** A mirror pod stands for something on a node: it must not open anything of the cluster. */
function checkMirror(attributes: AdmissionAttributes, pod: Pod): void {
  if (pod.spec?.serviceAccountName) throw refuse(attributes, 'a mirror pod may not reference service accounts');
  const { [mirrorAnnotation]: _, ...annotations } = pod.metadata?.annotations ?? {};
  const kinds = new Set(
    [...podReferences({ ...pod, metadata: { ...pod.metadata, annotations } })].map(({ kind }) => kind),
  );
  for (const kind of ['secrets', 'configmaps', 'persistentvolumeclaims'] as const)
    if (kinds.has(kind)) throw refuse(attributes, `a mirror pod may not reference ${kind}`);
  if (pod.spec?.volumes?.some((v) => v.projected?.sources?.some((s) => s.serviceAccountToken)))
    throw refuse(attributes, 'a mirror pod may not use ServiceAccountToken volume projections');
}

async function find(
  attributes: AdmissionAttributes,
  accountName: string,
  read: AdmissionReader,
): Promise<Readonly<ServiceAccount>> {
  const { namespace } = attributes;
  const account = await read.get('', 'serviceaccounts', namespace, accountName);
  if (!account)
    throw refuse(
      attributes,
      `error looking up service account ${namespace}/${accountName}: serviceaccount ${JSON.stringify(accountName)} not found`,
    );
  return account as Readonly<ServiceAccount>;
}

function mountToken(spec: PodSpec): void {
  const existing = spec.volumes?.find((v) => v.name.startsWith(volumePrefix));
  const name = existing?.name ?? `${volumePrefix}${randomSuffix(5)}`;
  let used = false;
  const mount = (container: Container): void => {
    if (container.volumeMounts?.some((m) => m.mountPath === mountPath)) return;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
    used = true;
  };
  for (const container of spec.initContainers ?? []) mount(container);
  for (const container of spec.containers ?? []) mount(container);
  if (used && !existing) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  };
}

/** The deprecated annotation that lets a pod use only the secrets which its account lists. */
function limitSecrets(attributes: AdmissionAttributes, spec: PodSpec, account: Readonly<ServiceAccount>): void {
  const allowed = new Set((account.secrets ?? []).map((secret) => secret.name));
  const pull = new Set((account.imagePullSecrets ?? []).map((secret) => secret.name));
  const check = (what: string, secret: string | undefined): void => {
    if (secret === undefined || allowed.has(secret)) return;
    throw refuse(
      attributes,
      `${what} secret.secretName=${JSON.stringify(secret)} is not allowed because service account ${account.metadata?.name} does not reference that secret`,
    );
  };
  for (const volume of spec.volumes ?? []) check('volume with', volume.secret?.secretName);
  const containers: [string, Container][] = [
    ...(spec.initContainers ?? []).map((c): [string, Container] => ['init container', c]),
    ...(spec.containers ?? []).map((c): [string, Container] => ['container', c]),
  ];
  for (const [kind, { name, env, envFrom }] of containers) {
    for (const { name: variable, valueFrom } of env ?? [])
      check(`${kind} ${name} with envVar ${variable} referencing`, valueFrom?.secretKeyRef?.name);
    for (const { secretRef } of envFrom ?? []) check(`${kind} ${name} with envFrom referencing`, secretRef?.name);
  }
  for (const [i, secret] of (spec.imagePullSecrets ?? []).entries()) {
    if (!pull.has(secret.name))
      throw refuse(
        attributes,
        `imagePullSecrets[${i}].name=${JSON.stringify(secret.name)} is not allowed because service account ${account.metadata?.name} does not reference that imagePullSecret`,
      );
  }
}
