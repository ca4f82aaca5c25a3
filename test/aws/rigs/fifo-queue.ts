/** A queue as SQS keeps it, FIFO or standard, on a clock that the test moves. */
import type { Clock } from '@nodeless/component-base/clock';

export interface QueueRigOptions {
  readonly clock: Clock;
  readonly name: string;
  readonly fifo: boolean;
  readonly visibilityMs: number;
  /** After so many receives without a delete, the next receive moves the message there. */
  readonly redrive?: { readonly to: QueueRig; readonly maxReceives: number };
  /** Standard queues deliver more than once, now and then: asked at each receive. */
  readonly repeats?: () => boolean;
}

export interface SentMessage {
  readonly body: string;
  readonly group?: string;
  readonly id?: string;
  readonly delaySeconds?: number;
}

export interface ReceivedMessage {
  readonly messageId: string;
  /** Of this receive; a later one makes it worthless. */
  readonly receipt: string;
  readonly body: string;
  readonly group: string | undefined;
  readonly id: string | undefined;
  /** Receives, this one included. */
  readonly receives: number;
  readonly sentAt: number;
}

export interface QueueRig {
  readonly name: string;
  readonly fifo: boolean;
  /** Answers the message's id; a duplicate gets that of the first. Throws what SQS refuses. */
  send(message: SentMessage): string;
  receive(max: number): ReceivedMessage[];
  /** A receipt that is not the last one deletes nothing. */
  delete(receipt: string): void;
  changeVisibility(receipt: string, ms: number): void;
  /** Messages in it, by state. */
  depth(): { readonly visible: number; readonly inFlight: number; readonly delayed: number };
  /** Bodies of all messages in it, oldest first. */
  bodies(): string[];
  /** Called when a receive may find something. */
  onVisible(listener: () => void): void;
  /** How many were sent, and how many of them were dropped as duplicates. */
  readonly counts: { sent: number; duplicates: number; received: number; deadLettered: number };
}

/** What SQS answers to a request that it does not take. */
export class QueueRefusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const deduplicationMs = 5 * 60_000;
const largestBody = 1024 * 1024;
const idPattern = /^[\w!-/:-@[-`{-~]{1,128}$/;

interface Held {
  readonly messageId: string;
  readonly message: SentMessage;
  readonly sentAt: number;
  visibleAt: number;
  inFlight: boolean;
  receipt: string;
  receives: number;
}

export function createQueueRig(options: QueueRigOptions): QueueRig {
  const { clock, name, fifo, visibilityMs, redrive, repeats = () => false } = options;
  let messages: Held[] = [];
  const seen = new Map<string, { at: number; messageId: string }>();
  const listeners: (() => void)[] = [];
  const counts = { sent: 0, duplicates: 0, received: 0, deadLettered: 0 };
  let sequence = 0;

  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const tellIn = (ms: number): void => void clock.setTimer(tell, ms);
  const isVisible = (held: Held): boolean => held.visibleAt <= clock.now();
  const byReceipt = (receipt: string): Held | undefined => messages.find((held) => held.receipt === receipt);

  const check = ({ body, group, id, delaySeconds }: SentMessage): void => {
    if (body === '') throw new QueueRefusal('MissingParameter', 'The request must contain the parameter MessageBody.');
    if (Buffer.byteLength(body) > largestBody)
      throw new QueueRefusal(
        'InvalidParameterValue',
        'One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.',
      );
    if (delaySeconds !== undefined && (!Number.isInteger(delaySeconds) || delaySeconds < 0 || delaySeconds > 900))
      throw new QueueRefusal('InvalidParameterValue', `Value ${delaySeconds} for parameter DelaySeconds is invalid.`);
    if (!fifo) {
      if (id !== undefined)
        throw new QueueRefusal(
          'InvalidParameterValue',
          'The request includes a parameter that is not valid for this queue type.',
        );
      return;
    }
    if (delaySeconds)
      throw new QueueRefusal(
        'InvalidParameterValue',
        `Value ${delaySeconds} for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.`,
      );
    if (!group || !idPattern.test(group))
      throw new QueueRefusal('MissingParameter', 'The request must contain the parameter MessageGroupId.');
    if (!id || !idPattern.test(id))
      throw new QueueRefusal(
        'InvalidParameterValue',
        'The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly',
      );
  };

  const rig: QueueRig = {
    name,
    fifo,
    counts,
    send(message) {
      check(message);
      counts.sent += 1;
      const now = clock.now();
      if (fifo) {
        const before = seen.get(message.id as string);
        if (before && now - before.at < deduplicationMs) {
          counts.duplicates += 1;
          return before.messageId;
        }
      }
      const messageId = `${name}-${++sequence}`;
      if (fifo) seen.set(message.id as string, { at: now, messageId });
      const delayMs = (message.delaySeconds ?? 0) * 1000;
      messages.push({
        messageId,
        message,
        sentAt: now,
        visibleAt: now + delayMs,
        inFlight: false,
        receipt: '',
        receives: 0,
      });
      if (delayMs > 0) tellIn(delayMs);
      else tell();
      return messageId;
    },
    receive(max) {
      const found: ReceivedMessage[] = [];
      const buried: Held[] = [];
      /** Groups with a message in flight from before, or one that is not to be had. */
      const blocked = new Set(
        fifo ? messages.filter((held) => !isVisible(held)).map(({ message }) => message.group as string) : [],
      );
      for (const held of messages) {
        if (found.length === Math.min(max, 10)) break;
        if (!isVisible(held) || (fifo && blocked.has(held.message.group as string))) continue;
        if (redrive && held.receives >= redrive.maxReceives) {
          buried.push(held);
          continue;
        }
        held.receives += 1;
        counts.received += 1;
        held.receipt = `${held.messageId}#${held.receives}`;
        if (fifo || !repeats()) {
          held.inFlight = true;
          held.visibleAt = clock.now() + visibilityMs;
          tellIn(visibilityMs);
        }
        const { body, group, id } = held.message;
        found.push({
          messageId: held.messageId,
          receipt: held.receipt,
          body,
          group,
          id,
          receives: held.receives,
          sentAt: held.sentAt,
        });
      }
      if (buried.length > 0) {
        messages = messages.filter((held) => !buried.includes(held));
        for (const { message, messageId } of buried) {
          counts.deadLettered += 1;
          redrive?.to.send(redrive.to.fifo ? { ...message, id: messageId } : { body: message.body });
        }
      }
      return found;
    },
    delete(receipt) {
      const before = messages.length;
      messages = messages.filter((held) => held.receipt !== receipt);
      // Whoever waited behind it in its group can be had now.
      if (messages.length < before) tell();
    },
    changeVisibility(receipt, ms) {
      const held = byReceipt(receipt);
      if (!held) return;
      held.visibleAt = clock.now() + ms;
      if (ms > 0) tellIn(ms);
      else tell();
    },
    depth() {
      const visible = messages.filter(isVisible).length;
      const hidden = messages.filter((held) => !isVisible(held));
      return {
        visible,
        inFlight: hidden.filter(({ inFlight }) => inFlight).length,
        delayed: hidden.filter(({ inFlight }) => !inFlight).length,
      };
    },
    bodies: () => messages.map(({ message }) => message.body),
    onVisible: (listener) => void listeners.push(listener),
  };
  return rig;
}
