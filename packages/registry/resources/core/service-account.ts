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
  },
};

function onlySecretNames(object: UnknownObject): void {
  const account = object as ServiceAccount;
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name ? { name } : {}));
}
