/** What travels in the queues between the functions: a request of a controller, in JSON. */
import { createHash } from 'node:crypto';
import type { Controller, Request } from './controller.ts';

export interface WorkMessage {
  readonly v: 1;
  readonly controller: string;
  readonly namespace?: string;
  /** '' for sweeps. */
  readonly name: string;
  /** Failures since the last success. */
  readonly attempt: number;
  /** What the asker saw, where that spares the worker to look: an ECS task. Never needed, never trusted to be the newest. */
  readonly hint?: unknown;
}

/** A message that waits: what the queue of delays and the one-off schedules hold. */
export interface LaterMessage {
  readonly v: 1;
  /** `controllers`, `scheduler`, `kubelet`: the queue that it goes back to. */
  readonly queue: string;
  readonly group: string;
  /** Its deduplication id there. */
  readonly id: string;
  readonly message: WorkMessage;
}

export function workMessage(controller: string, request: Request, attempt = 0): WorkMessage {
  const { namespace, name } = request;
  return { v: 1, controller, ...(namespace ? { namespace } : {}), name, attempt };
}

export const requestOf = ({ namespace, name }: WorkMessage): Request =>
  namespace === undefined ? { name } : { namespace, name };

/** Equal for messages that ask for the same work. */
export const keyOf = ({ controller, namespace, name }: WorkMessage): string =>
  `${controller}/${namespace ?? ''}/${name}`;

/** Messages of one group are worked on one after the other: those of one key, or all of a controller that wants it so. */
export function groupOf(message: WorkMessage, controller?: Pick<Controller, 'concurrency'>): string {
  return hashed(controller?.concurrency === 1 ? message.controller : keyOf(message));
}

/** FIFO queues take ids of up to 128 letters. */
export function hashed(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}

/**
 * The deduplication id of work that is to be looked at again at `due`. Many waits for one key come together in one: each new
 * event may end in a wait of its own, and none ends before its work succeeds. Those that are due within the same slot share an
 * id, and the queue drops all but the first. A slot is never wider than the wait, so the one that is kept begins after
 * whatever led to the others, and sees it.
 */
export function waitId(message: WorkMessage, now: number, afterMs: number): string {
  const width = 2 ** Math.floor(Math.log2(Math.max(1, afterMs)));
  return hashed('wait', keyOf(message), width, Math.floor((now + afterMs) / width));
}

/** @throws Error for what is no message of this version. */
export function parseWorkMessage(body: string): WorkMessage {
  const parsed: unknown = JSON.parse(body);
  if (!isWorkMessage(parsed)) throw new Error(`not a work message: ${body.slice(0, 200)}`);
  return parsed;
}

/** @throws Error for what is no message of this version. */
export function parseLaterMessage(body: unknown): LaterMessage {
  const parsed: unknown = typeof body === 'string' ? JSON.parse(body) : body;
  const { v, queue, group, id, message } = (parsed ?? {}) as Partial<Record<keyof LaterMessage, unknown>>;
  if (v !== 1 || !isText(queue) || !isText(group) || !isText(id) || !isWorkMessage(message))
    throw new Error(`not a message that waits: ${JSON.stringify(parsed).slice(0, 200)}`);
  return { v, queue, group, id, message };
}

function isWorkMessage(value: unknown): value is WorkMessage {
  const { v, controller, namespace, name, attempt } = (value ?? {}) as Partial<Record<keyof WorkMessage, unknown>>;
  return (
    v === 1 &&
    isText(controller) &&
    (namespace === undefined || typeof namespace === 'string') &&
    typeof name === 'string' &&
    typeof attempt === 'number'
  );
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
