import type { Secret } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { secretWarnings, validateSecret, validateSecretUpdate } from './secret-validation.ts';
import { sizeOf, tableOf } from '../table-of.ts';

export const secret: KindDefinition = {
  group: '',
  resource: 'secrets',
  table: tableOf<Secret>('/secrets', ({ type, data }, { name, age }) => [name, type ?? '', sizeOf(data), age]),
  strategy: {
    default: defaultSecret,
    validate: validateSecret,
    validateUpdate: validateSecretUpdate,
    warnings: secretWarnings,
    prepareForUpdate: (object, old) => {
      if (!(object as Secret).type) object.type = old.type;
    },
    fieldNames: ['type'],
    selectableFields: (object) => ({ type: (object as Secret).type ?? '' }),
  },
};

/** stringData is written into data and never stored. */
function defaultSecret(object: UnknownObject): void {
  const secret = object as Secret;
  if (!secret.type) secret.type = 'Opaque';
  if (secret.stringData !== undefined) {
    const names = Object.keys(secret.stringData);
    if (names.length > 0) secret.data ??= {};
    for (const name of names) secret.data![name] = Buffer.from(secret.stringData[name]!, 'utf8').toString('base64');
    delete secret.stringData;
  }
}
