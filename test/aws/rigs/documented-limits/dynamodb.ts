import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type Input, type LimitRules, list } from './rules.ts';

type Item = Readonly<Record<string, AttributeValue>>;

/** Amazon DynamoDB Developer Guide: quotas, item sizes, transactions. */
export const dynamodbLimits: LimitRules = {
  'dynamodb:PutItem': (input) => [...itemSize(input['Item'] as Item, 'Item'), ...unused(input)],
  'dynamodb:UpdateItem': (input) => unused(input),
  'dynamodb:DeleteItem': (input) => unused(input),
  'dynamodb:Query': (input) => unused(input),
  'dynamodb:Scan': (input) => unused(input),
  'dynamodb:TransactWriteItems': (input) => {
    const actions = list(input['TransactItems']);
    const parts = actions.map(
      (action) => (action['Put'] ?? action['Update'] ?? action['Delete'] ?? action['ConditionCheck']) as Input,
    );
    const bytes = parts.reduce(
      (sum, part) => sum + sizeOf((part?.['Item'] ?? part?.['ExpressionAttributeValues']) as Item),
      0,
    );
    const keys = parts.map((part) => {
      const { pk, sk } = (part?.['Key'] ?? part?.['Item'] ?? {}) as Item;
      return JSON.stringify([part?.['TableName'], pk, sk]);
    });
    return [
      ...actions.flatMap((action, index) =>
        Object.keys(action).length === 1
          ? []
          : [`TransactItems[${index}]: one action, has ${Object.keys(action).join(', ')}`],
      ),
      ...(bytes > 4 * 1024 * 1024 ? [`TransactItems: 4 MB together, are ${bytes} bytes`] : []),
      ...(new Set(keys).size === keys.length ? [] : ['TransactItems: each item once']),
      ...parts.flatMap((part, index) => [
        ...itemSize(part?.['Item'] as Item | undefined, `TransactItems[${index}].Put.Item`),
        ...unused(part ?? {}),
      ]),
    ];
  },
};

const itemLimit = 400 * 1024;

function itemSize(item: Item | undefined, at: string): string[] {
  const bytes = sizeOf(item);
  return bytes > itemLimit ? [`${at}: 400 KB, has ${bytes} bytes`] : [];
}

/** Names and values, as item sizes are counted. */
function sizeOf(item: Item | undefined): number {
  return Object.entries(item ?? {}).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueSize(value), 0);
}

function valueSize(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return Math.ceil(value.N.length / 2) + 1;
  if (value.B !== undefined) return value.B.length;
  if (value.L !== undefined) return 3 + value.L.reduce((sum, one) => sum + valueSize(one) + 1, 0);
  if (value.M !== undefined) return 3 + sizeOf(value.M) + Object.keys(value.M).length;
  if (value.SS !== undefined) return value.SS.reduce((sum, one) => sum + Buffer.byteLength(one), 0);
  return 1;
}

/** Placeholders that no expression uses, and those that stand for nothing, are refused. */
function unused(input: Input): string[] {
  const text = Object.entries(input)
    .filter(([name]) => name.endsWith('Expression'))
    .map(([, value]) => String(value))
    .join(' ');
  const used = new Set(text.match(/[:#][A-Za-z0-9_]+/g));
  const given = [
    ...Object.keys((input['ExpressionAttributeNames'] ?? {}) as object),
    ...Object.keys((input['ExpressionAttributeValues'] ?? {}) as object),
  ];
  return [
    ...given.filter((name) => !used.has(name)).map((name) => `${name} is given and not used in an expression`),
    ...[...used]
      .filter((name) => !given.includes(name))
      .map((name) => `${name} is used in an expression and not given`),
  ];
}
