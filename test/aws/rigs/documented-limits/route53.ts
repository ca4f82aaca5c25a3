import { isIPv4, isIPv6 } from 'node:net';
import { type Input, type LimitRules, list } from './rules.ts';

/** Amazon Route 53: quotas on ChangeResourceRecordSets, and the formats of record values. */
export const route53Limits: LimitRules = {
  'route53:ChangeResourceRecordSets': (input) => {
    const changes = list((input['ChangeBatch'] as Input | undefined)?.['Changes']);
    // An UPSERT counts twice.
    const weight = (change: Input): number => (change['Action'] === 'UPSERT' ? 2 : 1);
    const valuesOf = (change: Input): string[] =>
      list((change['ResourceRecordSet'] as Input)['ResourceRecords']).map((one) => String(one['Value']));
    const records = changes.reduce((sum, change) => sum + weight(change) * Math.max(1, valuesOf(change).length), 0);
    const characters = changes.reduce((sum, change) => sum + weight(change) * valuesOf(change).join('').length, 0);
    return [
      ...(records > 1000 ? [`ChangeBatch: at most 1000 records, are ${records}`] : []),
      ...(characters > 32_000 ? [`ChangeBatch: at most 32000 characters of values, are ${characters}`] : []),
      ...changes.flatMap((change, index) => recordSet(change['ResourceRecordSet'] as Input, `Changes[${index}].`)),
    ];
  },
};

const name = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+$|^\\052\./i;
const formats: Readonly<Record<string, (value: string) => boolean>> = {
  A: isIPv4,
  AAAA: isIPv6,
  CNAME: (value) => value.length <= 255 && name.test(value.endsWith('.') ? value : `${value}.`),
  TXT: (value) => /^"(?:[^"\\]|\\.){0,255}"(?: "(?:[^"\\]|\\.){0,255}")*$/.test(value),
  SRV: (value) => /^\d{1,5} \d{1,5} \d{1,5} \S+$/.test(value),
};

function recordSet(set: Input, at: string): string[] {
  const full = String(set['Name']).replace(/\.?$/, '.');
  const values = list(set['ResourceRecords']).map((one) => String(one['Value']));
  const format = formats[String(set['Type'])];
  const plain = set['ResourceRecords'] !== undefined || set['TTL'] !== undefined;
  return [
    ...(full.length <= 255 && name.test(full) ? [] : [`${at}Name: not a name of DNS: ${full}`]),
    ...(plain === (set['AliasTarget'] !== undefined)
      ? [`${at.slice(0, -1)}: either AliasTarget, or TTL and ResourceRecords`]
      : []),
    ...(plain && (set['TTL'] === undefined || values.length === 0)
      ? [`${at}TTL and ResourceRecords: both or none`]
      : []),
    ...(new Set(values).size === values.length ? [] : [`${at}ResourceRecords: values must differ`]),
    ...(set['Type'] === 'CNAME' && values.length > 1 ? [`${at}ResourceRecords: a CNAME has one`] : []),
    ...values
      .filter((value) => format && !format(value))
      .map((value) => `${at}ResourceRecords: not of the type ${String(set['Type'])}: ${value}`),
  ];
}
