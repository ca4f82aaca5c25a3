import { badRequest } from '@nodeless/apimachinery/status';
import {
  type AgentReport,
  type ContainerReport,
  type EndpointsQuery,
  maxReportedEvents,
  type ReportedEvent,
  type TokenQuery,
} from '../agent/agent-protocol.ts';

/**
 * What agents send comes from inside tasks, where anything may have got hold of the token: every member is looked at, and
 * nothing is taken over that is longer than it can honestly be. Errors: 400.
 */
type Fields = Readonly<Record<string, unknown>>;

const maxName = 63;
const maxText = 1024;
const maxContainers = 64;

export function parseTokenQuery(body: unknown): TokenQuery {
  const fields = object(body, 'body');
  return {
    audience: text(fields, 'audience', 1024),
    expirationSeconds: integer(fields, 'expirationSeconds', 1, 2 ** 32),
  };
}

export function parseEndpointsQuery(body: unknown): EndpointsQuery {
  return {
    services: list(object(body, 'body'), 'services', 100).map((one) => string(one, 'services', 2 * maxName + 1)),
  };
}

export function parseReport(body: unknown): AgentReport {
  const fields = object(body, 'body');
  if (fields['protocol'] !== 1)
    throw badRequest(`agent protocol ${JSON.stringify(fields['protocol'] ?? null)} is not supported`);
  const agent = object(fields['agent'], 'agent');
  return {
    protocol: 1,
    agent: { version: text(agent, 'version', 64), capabilities: [] },
    podUid: text(fields, 'podUid', 64),
    bootedAt: integer(fields, 'bootedAt', 0),
    sequence: integer(fields, 'sequence', 1),
    at: time(fields, 'at'),
    volumesRevision: text(fields, 'volumesRevision', 64),
    containers: list(fields, 'containers', maxContainers).map(containerReport),
    events: list(fields, 'events', maxReportedEvents).map(reportedEvent),
  };
}

function containerReport(value: unknown): ContainerReport {
  const fields = object(value, 'containers');
  const { failed } = fields;
  return {
    name: text(fields, 'name', maxName),
    runId: text(fields, 'runId', 128),
    state: oneOf(fields, 'state', ['waiting', 'running', 'ended']),
    ...optional(fields, 'startedAt', time),
    ...optional(fields, 'finishedAt', time),
    ...optional(fields, 'exitCode', (from, key) => integer(from, key, -255, 255)),
    ...optional(fields, 'restartCount', (from, key) => integer(from, key, 0)),
    started: flag(fields, 'started'),
    ready: flag(fields, 'ready'),
    changedAt: time(fields, 'changedAt'),
    ...(failed === undefined ? {} : { failed: failure(object(failed, 'failed')) }),
  };
}

const failure = (fields: Fields): NonNullable<ContainerReport['failed']> => ({
  probe: oneOf(fields, 'probe', ['liveness', 'startup']),
  message: text(fields, 'message', 16 * maxText).slice(0, maxText),
});

function reportedEvent(value: unknown): ReportedEvent {
  const fields = object(value, 'events');
  const reason = text(fields, 'reason', 128);
  if (!/^[A-Z][A-Za-z]*$/.test(reason)) throw wrong('reason');
  return {
    type: oneOf(fields, 'type', ['Normal', 'Warning']),
    reason,
    message: text(fields, 'message', maxText),
    fieldPath: text(fields, 'fieldPath', 256),
    count: integer(fields, 'count', 1, 2 ** 31 - 1),
    firstAt: time(fields, 'firstAt'),
    lastAt: time(fields, 'lastAt'),
  };
}

const wrong = (name: string): Error =>
  badRequest(`the field ${JSON.stringify(name)} of the agent's request is not valid`);

function object(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(name);
  return value as Fields;
}

function list(fields: Fields, key: string, max: number): readonly unknown[] {
  const value = own(fields, key);
  if (!Array.isArray(value) || value.length > max) throw wrong(key);
  return value;
}

function string(value: unknown, key: string, max: number): string {
  if (typeof value !== 'string' || value.length > max) throw wrong(key);
  return value;
}

const text = (fields: Fields, key: string, max: number): string => string(own(fields, key), key, max);

function time(fields: Fields, key: string): string {
  const value = text(fields, key, 40);
  const ms = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(ms)) throw wrong(key);
  return new Date(ms).toISOString();
}

function integer(fields: Fields, key: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  const value = own(fields, key);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) throw wrong(key);
  return value;
}

function flag(fields: Fields, key: string): boolean {
  const value = own(fields, key);
  if (typeof value !== 'boolean') throw wrong(key);
  return value;
}

function oneOf<T extends string>(fields: Fields, key: string, values: readonly T[]): T {
  const value = own(fields, key);
  if (!values.includes(value as T)) throw wrong(key);
  return value as T;
}

function optional<K extends string, T>(
  fields: Fields,
  key: K,
  read: (fields: Fields, key: string) => T,
): { readonly [P in K]?: T } {
  return own(fields, key) === undefined ? {} : ({ [key]: read(fields, key) } as { readonly [P in K]?: T });
}

const own = (fields: Fields, key: string): unknown => (Object.hasOwn(fields, key) ? fields[key] : undefined);
