import { type Input, type LimitRules, between, list } from './rules.ts';

/** Limits of the Amazon SQS API Reference: SendMessage, SendMessageBatch, ReceiveMessage, CreateQueue. */
export const sqsLimits: LimitRules = {
  'sqs:SendMessage': (input) => message(input, isFifo(input['QueueUrl']), ''),
  'sqs:SendMessageBatch': (input) => {
    const entries = list(input['Entries']);
    const bytes = entries.reduce((sum, entry) => sum + size(entry['MessageBody']), 0);
    return [
      ...batch(entries),
      ...(bytes > mebibyte ? [`Entries: ${bytes} bytes together, at most ${mebibyte}`] : []),
      ...entries.flatMap((entry, index) => message(entry, isFifo(input['QueueUrl']), `Entries[${index}].`)),
    ];
  },
  'sqs:DeleteMessageBatch': (input) => batch(list(input['Entries'])),
  'sqs:ReceiveMessage': (input) => [
    ...between(input, 'MaxNumberOfMessages', 1, 10),
    ...between(input, 'WaitTimeSeconds', 0, 20),
    ...between(input, 'VisibilityTimeout', 0, 43_200),
  ],
  'sqs:ChangeMessageVisibility': (input) => between(input, 'VisibilityTimeout', 0, 43_200),
  'sqs:CreateQueue': (input) => {
    const name = String(input['QueueName']);
    const attributes = (input['Attributes'] ?? {}) as Readonly<Record<string, string>>;
    return [
      ...(/^[\w-]{1,80}$/.test(name.replace(/\.fifo$/, '')) && name.length <= 80
        ? []
        : [`QueueName: 1 to 80 letters, digits, - and _, is ${name}`]),
      ...((attributes['FifoQueue'] === 'true') === name.endsWith('.fifo')
        ? []
        : ['QueueName: ends with .fifo exactly when the attribute FifoQueue is true']),
    ];
  },
};

/** Since August 2025; 256 KiB before. */
const mebibyte = 1024 * 1024;
const id = /^[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]{1,128}$/;

function message(input: Input, fifo: boolean, at: string): string[] {
  const body = input['MessageBody'];
  const found: string[] = between(input, 'DelaySeconds', 0, 900).map((line) => at + line);
  if (size(body) < 1 || size(body) > mebibyte) found.push(`${at}MessageBody: 1 to ${mebibyte} bytes`);
  if (typeof body === 'string' && /[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(body))
    found.push(`${at}MessageBody: has characters that no XML document may have`);
  for (const name of ['MessageGroupId', 'MessageDeduplicationId']) {
    const value = input[name];
    if (value !== undefined && !id.test(String(value)))
      found.push(`${at}${name}: 1 to 128 letters, digits and punctuation, is ${String(value)}`);
  }
  if (fifo && input['MessageGroupId'] === undefined) found.push(`${at}MessageGroupId: needed by a FIFO queue`);
  if (fifo && input['DelaySeconds'] !== undefined) found.push(`${at}DelaySeconds: a FIFO queue has none per message`);
  if (!fifo && input['MessageDeduplicationId'] !== undefined)
    found.push(`${at}MessageDeduplicationId: only FIFO queues know it`);
  return found;
}

function batch(entries: readonly Input[]): string[] {
  const ids = entries.map((entry) => String(entry['Id']));
  const found: string[] = [];
  if (ids.length < 1 || ids.length > 10) found.push(`Entries: 1 to 10, are ${ids.length}`);
  if (new Set(ids).size !== ids.length) found.push('Entries: their ids must differ');
  for (const one of ids) if (!/^[\w-]{1,80}$/.test(one)) found.push(`Entries: not an id of a batch entry: ${one}`);
  return found;
}

const isFifo = (url: unknown): boolean => String(url).endsWith('.fifo');
const size = (text: unknown): number => (typeof text === 'string' ? Buffer.byteLength(text) : 0);
