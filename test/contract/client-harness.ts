import type { ConfigMap, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Deployment } from '@nodeless/apimachinery/generated/types/apps/v1';
import { ApiError } from '@nodeless/apimachinery/status';
import { type Client, type Watch, type WatchEvent, type WatchQuery, resourceType } from '@nodeless/client/client';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { expect } from 'vitest';

/** A client of an empty API server that allows it everything in namespaces `default` and `other`, and nothing to `nobody`. */
export interface ClientHarness {
  readonly client: Client;
  /** A user without any rights. */
  readonly nobody: Client;
  dispose(): Promise<void>;
}

export type MakeClient = () => Promise<ClientHarness>;
/** A case of the contract: it fails by throwing. */
export type ClientCases = Readonly<Record<string, (harness: ClientHarness) => Promise<void>>>;

export const configMaps = resourceType<ConfigMap>('', 'v1', 'configmaps', 'ConfigMap');
export const pods = resourceType<Pod>('', 'v1', 'pods', 'Pod');
export const deployments = resourceType<Deployment>('apps', 'v1', 'deployments', 'Deployment');

export const namespace = 'default';

export function configMap(name: string, more: Partial<ConfigMap> = {}): ConfigMap {
  const { metadata, ...rest } = more;
  return { metadata: { name, namespace, ...metadata }, data: { a: 'b' }, ...rest };
}

export function deployment(name: string): Deployment {
  const labels = { app: name };
  return {
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  };
}

export function pod(name: string): Pod {
  return { metadata: { name, namespace }, spec: { containers: [{ name: 'c', image: 'i' }] } };
}

export async function refused(call: Promise<unknown>, code: number, reason: string): Promise<ApiError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ApiError);
  expect({ code: (error as ApiError).code, reason: (error as ApiError).reason }).toEqual({ code, reason });
  return error as ApiError;
}

export interface Recorder<T> {
  readonly watch: Watch;
  readonly events: WatchEvent<T>[];
  /** Resolves when so many events that are not bookmarks have come, with what they say: `ADDED a`. */
  readonly heard: (count: number) => Promise<string[]>;
  /** Resolves with what the watch ended with. */
  readonly ended: Promise<Error | undefined>;
}

/** A watch whose events are kept. */
export function record<T extends KubernetesObject>(
  client: Client,
  type: Parameters<typeof client.watch<T>>[0],
  query: WatchQuery,
): Recorder<T> {
  const events: WatchEvent<T>[] = [];
  let wake = (): void => {};
  let end: (error: Error | undefined) => void;
  const ended = new Promise<Error | undefined>((resolve) => (end = resolve));
  const texts = (): string[] =>
    events.flatMap((e) => (e.type === 'BOOKMARK' ? [] : [`${e.type} ${e.object.metadata?.name}`]));
  const watch = client.watch<T>(type, query, {
    onEvent(event) {
      events.push(event);
      wake();
    },
    onEnd(error) {
      end(error);
    },
  });
  return {
    watch,
    events,
    ended,
    heard: async (count) => {
      while (texts().length < count) await new Promise<void>((resolve) => (wake = resolve));
      return texts();
    },
  };
}
