import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec, ServiceAccount } from '@nodeless/apimachinery/generated/types/core/v1';
import { serviceAccount } from '@nodeless/registry/admission/service-account';
import { ask, attributes, reader } from './attributes.ts';

const account = (name: string, more: Partial<ServiceAccount> = {}): ServiceAccount => ({
  ...more,
  metadata: { name, namespace: 'default', ...more.metadata },
});
const accounts = (...all: ServiceAccount[]) => reader({ serviceaccounts: [account('default'), ...all] });
const pod = (spec: Partial<PodSpec> = {}, annotations?: Record<string, string>): Pod => ({
  kind: 'Pod',
  metadata: { name: 'p', ...(annotations && { annotations }) },
  spec: { containers: [{ name: 'c' }], ...spec },
});
const mirror = { 'kubernetes.io/config.mirror': 'x' };

describe('ServiceAccount', () => {
  it('gives a pod its account and a token', async () => {
    const made = pod();
    expect(await ask(serviceAccount, attributes('pods', made), accounts())).toBeUndefined();
    expect(made.spec).toMatchObject({ serviceAccountName: 'default', serviceAccount: 'default' });
    const [volume] = made.spec?.volumes ?? [];
    expect(volume?.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
    expect(volume?.projected).toEqual({
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    });
    expect(made.spec?.containers[0]?.volumeMounts).toEqual([
      { name: volume?.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
    ]);
  });

  it.each([
    { name: 'the pod does not want it', spec: { automountServiceAccountToken: false }, of: account('a'), want: false },
    {
      name: 'the account does not want it',
      spec: {},
      of: account('a', { automountServiceAccountToken: false }),
      want: false,
    },
    {
      name: 'the pod wants it all the same',
      spec: { automountServiceAccountToken: true },
      of: account('a', { automountServiceAccountToken: false }),
      want: true,
    },
    {
      name: 'its place is taken',
      spec: {
        containers: [
          { name: 'c', volumeMounts: [{ name: 'own', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] },
        ],
      },
      of: account('a'),
      want: false,
    },
  ])('mounts a token: $want where $name', async ({ spec, of, want }) => {
    const made = pod({ serviceAccountName: 'a', ...spec });
    await ask(serviceAccount, attributes('pods', made), accounts(of));
    expect((made.spec?.volumes ?? []).length > 0).toBe(want);
  });

  it('gives it the pull secrets of its account, unless it has its own', async () => {
    const of = account('a', { imagePullSecrets: [{ name: 's' }] });
    const [without, own] = [
      pod({ serviceAccountName: 'a' }),
      pod({ serviceAccountName: 'a', imagePullSecrets: [{ name: 'mine' }] }),
    ];
    await ask(serviceAccount, attributes('pods', without), accounts(of));
    await ask(serviceAccount, attributes('pods', own), accounts(of));
    expect([without.spec?.imagePullSecrets, own.spec?.imagePullSecrets]).toEqual([[{ name: 's' }], [{ name: 'mine' }]]);
  });

  const strict = account('strict', {
    metadata: { annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } },
    secrets: [{ name: 'ok' }],
    imagePullSecrets: [{ name: 'pull' }],
  });
  const forbidden = (cause: string): string => `pods "p" is forbidden: ${cause}`;
  it.each<{ name: string; pod: Pod; want: string | undefined }>([
    {
      name: 'an account that is not there',
      pod: pod({ serviceAccountName: 'no' }),
      want: forbidden('error looking up service account default/no: serviceaccount "no" not found'),
    },
    {
      name: 'a secret that its account lists',
      pod: pod({ serviceAccountName: 'strict', volumes: [{ name: 'v', secret: { secretName: 'ok' } }] }),
      want: undefined,
    },
    {
      name: 'another secret as a volume',
      pod: pod({ serviceAccountName: 'strict', volumes: [{ name: 'v', secret: { secretName: 'no' } }] }),
      want: forbidden(
        'volume with secret.secretName="no" is not allowed because service account strict does not reference that secret',
      ),
    },
    {
      name: 'another secret in a variable',
      pod: pod({
        serviceAccountName: 'strict',
        containers: [{ name: 'c', env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 'no', key: 'k' } } }] }],
      }),
      want: forbidden(
        'container c with envVar E referencing secret.secretName="no" is not allowed because service account strict does not reference that secret',
      ),
    },
    {
      name: 'another secret in all variables',
      pod: pod({
        serviceAccountName: 'strict',
        initContainers: [{ name: 'i', envFrom: [{ secretRef: { name: 'no' } }] }],
      }),
      want: forbidden(
        'init container i with envFrom referencing secret.secretName="no" is not allowed because service account strict does not reference that secret',
      ),
    },
    {
      name: 'another pull secret',
      pod: pod({ serviceAccountName: 'strict', imagePullSecrets: [{ name: 'pull' }, { name: 'no' }] }),
      want: forbidden(
        'imagePullSecrets[1].name="no" is not allowed because service account strict does not reference that imagePullSecret',
      ),
    },
    { name: 'a mirror pod', pod: pod({}, mirror), want: undefined },
    {
      name: 'a mirror pod with an account',
      pod: pod({ serviceAccountName: 'default' }, mirror),
      want: forbidden('a mirror pod may not reference service accounts'),
    },
    {
      name: 'a mirror pod with a secret',
      pod: pod({ volumes: [{ name: 'v', secret: { secretName: 's' } }] }, mirror),
      want: forbidden('a mirror pod may not reference secrets'),
    },
    {
      name: 'a mirror pod with a config map',
      pod: pod({ volumes: [{ name: 'v', configMap: { name: 's' } }] }, mirror),
      want: forbidden('a mirror pod may not reference configmaps'),
    },
    {
      name: 'a mirror pod with a token',
      pod: pod({ volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }] }, mirror),
      want: forbidden('a mirror pod may not use ServiceAccountToken volume projections'),
    },
  ])('$name', async ({ pod: made, want }) =>
    expect(await ask(serviceAccount, attributes('pods', made), accounts(strict))).toBe(want),
  );
});
