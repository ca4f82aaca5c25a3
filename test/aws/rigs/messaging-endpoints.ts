/** SQS and EventBridge Scheduler behind their real SDK clients: what the clients send is answered by rigs in this process. */
import { createHash } from 'node:crypto';
import type { Clock } from '@nodeless/component-base/clock';
import { type HttpRequest, HttpResponse } from '@smithy/protocol-http';
import { QueueRefusal, type QueueRig } from './fifo-queue.ts';

export interface RequestHandler {
  handle(request: HttpRequest): Promise<{ response: HttpResponse }>;
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): Record<string, never>;
}

/** Asked before each request: throws what the request is to fail with. */
export type Fault = (operation: string) => void;

function handler(answer: (request: HttpRequest) => { status: number; body: unknown }): RequestHandler {
  return {
    async handle(request) {
      const { status, body } = answer(request);
      return {
        response: new HttpResponse({
          statusCode: status,
          headers: { 'content-type': 'application/x-amz-json-1.0', ...errorHeader(body) },
          body: Buffer.from(JSON.stringify(body)),
        }),
      };
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  };
}

const errorHeader = (body: unknown): Record<string, string> => {
  const type = (body as { __type?: string }).__type;
  return type === undefined ? {} : { 'x-amzn-errortype': type };
};

const textOf = (body: unknown): string =>
  typeof body === 'string' ? body : new TextDecoder().decode(body as Uint8Array);

interface BatchEntry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
  readonly DelaySeconds?: number;
}

/** Knows SendMessageBatch. `refuse`: entries that are not taken this time, as happens to some of a batch. */
export function createSqsEndpoint(options: {
  queues: Readonly<Record<string, QueueRig>>;
  fault?: Fault;
  refuse?: (entry: BatchEntry) => boolean;
}): RequestHandler {
  const { queues, fault = () => {}, refuse = () => false } = options;
  return handler((request) => {
    const operation = (request.headers['x-amz-target'] ?? '').replace('AmazonSQS.', '');
    fault(operation);
    const input = JSON.parse(textOf(request.body)) as { QueueUrl: string; Entries: readonly BatchEntry[] };
    const queue = queues[input.QueueUrl];
    if (!queue) return { status: 400, body: { __type: 'QueueDoesNotExist', message: input.QueueUrl } };
    if (operation !== 'SendMessageBatch') throw new Error(`the rig knows no ${operation}`);
    if (input.Entries.length === 0 || input.Entries.length > 10)
      return { status: 400, body: { __type: 'TooManyEntriesInBatchRequest', message: String(input.Entries.length) } };
    const Successful: unknown[] = [];
    const Failed: unknown[] = [];
    for (const entry of input.Entries) {
      if (refuse(entry)) {
        Failed.push({ Id: entry.Id, Code: 'InternalError', SenderFault: false });
        continue;
      }
      try {
        const MessageId = queue.send({
          body: entry.MessageBody,
          group: entry.MessageGroupId,
          id: entry.MessageDeduplicationId,
          delaySeconds: entry.DelaySeconds,
        });
        const MD5OfMessageBody = createHash('md5').update(entry.MessageBody).digest('hex');
        Successful.push({ Id: entry.Id, MessageId, MD5OfMessageBody });
      } catch (error) {
        if (!(error instanceof QueueRefusal)) throw error;
        Failed.push({ Id: entry.Id, Code: error.code, Message: error.message, SenderFault: true });
      }
    }
    return { status: 200, body: { Successful, Failed } };
  });
}

/** Knows CreateSchedule and DeleteSchedule, for one-off schedules in UTC. `fire` gets the target's input. */
export function createSchedulesEndpoint(options: {
  clock: Clock;
  fire: (input: string) => void;
  fault?: Fault;
}): RequestHandler & { readonly names: () => string[] } {
  const { clock, fire, fault = () => {} } = options;
  const schedules = new Map<string, { cancel(): void }>();
  const made = handler((request) => {
    const name = decodeURIComponent(request.path.split('/').at(-1) ?? '');
    fault(request.method === 'POST' ? 'CreateSchedule' : 'DeleteSchedule');
    if (request.method === 'DELETE') {
      const known = schedules.get(name);
      if (!known) return { status: 404, body: { __type: 'ResourceNotFoundException', Message: name } };
      known.cancel();
      schedules.delete(name);
      return { status: 200, body: {} };
    }
    if (request.method !== 'POST') throw new Error(`the rig knows no ${request.method}`);
    if (schedules.has(name)) return { status: 409, body: { __type: 'ConflictException', Message: name } };
    const input = JSON.parse(textOf(request.body)) as { ScheduleExpression: string; Target: { Input: string } };
    const at = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/.exec(input.ScheduleExpression)?.[1];
    if (!/^[\w.-]{1,64}$/.test(name) || at === undefined)
      return { status: 400, body: { __type: 'ValidationException', Message: input.ScheduleExpression } };
    const timer = clock.setTimer(
      () => {
        schedules.delete(name);
        fire(input.Target.Input);
      },
      Math.max(0, Date.parse(`${at}Z`) - clock.now()),
    );
    schedules.set(name, timer);
    return { status: 200, body: { ScheduleArn: `arn:aws:scheduler:::schedule/${name}` } };
  });
  return { ...made, names: () => [...schedules.keys()] };
}
