/** One SQS queue over HTTP that only takes: what was sent to it can be looked at. */
import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SentMessage {
  readonly body: string;
  readonly group: string | undefined;
  readonly deduplicationId: string | undefined;
}

export interface QueueEndpoint {
  readonly endpoint: string;
  /** For QueueUrl. */
  readonly url: string;
  readonly messages: readonly SentMessage[];
  stop(): Promise<void>;
}

interface Entry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

export async function startQueueEndpoint(): Promise<QueueEndpoint> {
  const messages: SentMessage[] = [];
  const take = ({ Id, MessageBody, MessageGroupId, MessageDeduplicationId }: Entry): object => {
    messages.push({ body: MessageBody, group: MessageGroupId, deduplicationId: MessageDeduplicationId });
    // The client compares it with its own.
    return { Id, MessageId: randomUUID(), MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex') };
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const known = request.headers['x-amz-target'] === 'AmazonSQS.SendMessageBatch';
      const { Entries = [] } = JSON.parse(Buffer.concat(chunks).toString()) as { Entries?: Entry[] };
      response.writeHead(known ? 200 : 400, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(
        JSON.stringify(known ? { Successful: Entries.map(take), Failed: [] } : { __type: 'UnsupportedOperation' }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    endpoint,
    url: `${endpoint}/123456789012/kubelet.fifo`,
    messages,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
