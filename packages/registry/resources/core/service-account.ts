import type { ServiceAccount } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { tableOf } from '../table-of.ts';

export const serviceAccount: KindDefinition = {
  group: '',
  resource: 'serviceaccounts',
  table: tableOf<ServiceAccount>('/serviceaccounts', (_, { name, age }) => [name, age]),
  strategy: {
    prepareForCreate: onlySecretNames,
    prepareForUpdate: onlySecretNames,
    warnings: accountWarnings,
  },
};

function onlySecretNames(object: UnknownObject): void {
  const account = object as ServiceAccount;
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name ? { name } : {}));
}

const mountableSecrets = 'kubernetes.io/enforce-mountable-secrets';

function accountWarnings(object: Readonly<UnknownObject>, old: Readonly<UnknownObject> | undefined): string[] {
  if (
    object.metadata?.annotations?.[mountableSecrets] === undefined ||
    old?.metadata?.annotations?.[mountableSecrets] !== undefined
  )
    return [];
  return [
    `metadata.annotations[${mountableSecrets}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
  ];
}
