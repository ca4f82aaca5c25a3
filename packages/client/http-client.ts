import type { IncomingMessage } from 'node:http';
import { deepFreeze } from '@nodeless/apimachinery/equality';
import { type KubernetesObject, apiVersionOf } from '@nodeless/apimachinery/object';
import { ApiError, type Status } from '@nodeless/apimachinery/status';
import type {
  Client,
  DeleteOptions,
  List,
  ListQuery,
  PatchType,
  ResourceType,
  Watch,
  WatchHandler,
  WatchQuery,
  WriteOptions,
} from './client.ts';
import { createTransport, errorOf, readAll, type Transport, type TransportConfig } from './http-transport.ts';

const patchContentType: Record<PatchType | 'apply', string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};
/** A line of a watch longer than this is not one of ours. */
const maxFrameBytes = 16 * 1024 * 1024;

export interface HttpClient extends Client {
  readonly transport: Transport;
  close(): void;
}

/** The Client seam over HTTP, for any Kubernetes API server. */
export function createHttpClient(config: TransportConfig): HttpClient {
  const transport = createTransport(config);
  const send = async <T>(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<T> =>
    deepFreeze(
      (await transport.json({
        method,
        path,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': contentType } }),
      })) as T,
    );

  return {
    transport,
    close: () => transport.close(),
    get: (type, key, options) => send('GET', objectPath(type, key.namespace, key.name, options?.subresource)),
    async list<T extends KubernetesObject>(type: ResourceType<T>, query: ListQuery = {}) {
      const list = await send<List<T>>('GET', collectionPath(type, query.namespace) + search(listParameters(query)));
      // Items of a list carry no kind; callers get complete objects, as from every other verb.
      const apiVersion = apiVersionOf(type);
      return {
        metadata: list.metadata,
        items: (list.items ?? []).map((item) => Object.freeze({ ...item, kind: type.kind, apiVersion })),
      };
    },
    create(type, object, options = {}) {
      const { namespace, name } = object.metadata ?? {};
      const path = options.subresource
        ? objectPath(type, namespace, name ?? '', options.subresource)
        : collectionPath(type, namespace);
      return send('POST', path + search(writeParameters(options)), object);
    },
    update(type, object, options = {}) {
      const { namespace, name = '' } = object.metadata ?? {};
      return send(
        'PUT',
        objectPath(type, namespace, name, options.subresource) + search(writeParameters(options)),
        object,
      );
    },
    patch(type, key, patchType, patch, options = {}) {
      const path = objectPath(type, key.namespace, key.name, options.subresource) + search(writeParameters(options));
      return send('PATCH', path, patch, patchContentType[patchType]);
    },
    apply(type, object, options) {
      const { namespace, name = '' } = object.metadata ?? {};
      const parameters = { ...writeParameters(options), ...(options.force ? { force: 'true' } : {}) };
      // apply takes nothing for granted: the configuration says what it is of
      const configuration = {
        ...object,
        kind: object.kind ?? type.kind,
        apiVersion: object.apiVersion ?? apiVersionOf(type),
      };
      return send(
        'PATCH',
        objectPath(type, namespace, name, options.subresource) + search(parameters),
        configuration,
        patchContentType.apply,
      );
    },
    delete: (type, key, options) => send('DELETE', objectPath(type, key.namespace, key.name), deleteBody(options)),
    deleteCollection: (type, query, options) =>
      send('DELETE', collectionPath(type, query.namespace) + search(listParameters(query)), deleteBody(options)),
    watch: (type, query, handler) => watch(transport, type, query, handler),
  };
}

function watch<T extends KubernetesObject>(
  transport: Transport,
  type: ResourceType<T>,
  query: WatchQuery,
  handler: WatchHandler<T>,
): Watch {
  const abort = new AbortController();
  let stream: IncomingMessage | undefined;
  let over = false;
  /** Once there is a response the connection may already be back in the pool, so only the response is given up then, not the request. */
  const hangUp = (): void => {
    over = true;
    if (stream) stream.destroy();
    else abort.abort();
  };
  const end = (error: Error | undefined): void => {
    if (over) return;
    hangUp();
    handler.onEnd(error);
  };
  const onFrame = (frame: { type: string; object: unknown }): void => {
    if (over) return;
    if (frame.type === 'ERROR') {
      const status = frame.object as Status;
      end(
        new ApiError({
          code: status.code ?? 500,
          reason: status.reason,
          message: status.message ?? '',
          details: status.details,
        }),
      );
    } else if (frame.type === 'BOOKMARK') {
      handler.onEvent({
        type: 'BOOKMARK',
        resourceVersion: (frame.object as KubernetesObject).metadata?.resourceVersion ?? '',
      });
    } else {
      handler.onEvent({ type: frame.type as 'ADDED', object: deepFreeze(frame.object as T) });
    }
  };
  const run = async (): Promise<void> => {
    const parameters = { ...listParameters(query), watch: 'true', allowWatchBookmarks: 'true' };
    const path = collectionPath(type, query.namespace) + search(parameters);
    const response = await transport.open({ method: 'GET', path, signal: abort.signal });
    if (response.statusCode !== 200) throw errorOf(response.statusCode ?? 500, await readAll(response));
    stream = response;
    // giving up a response is an error of it, at times after the loop has its last chunk: nobody else would hear of it
    response.on('error', () => {});
    let rest = '';
    response.setEncoding('utf8');
    for await (const chunk of response) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop() as string;
      if (rest.length > maxFrameBytes) throw new Error('watch event is too large');
      for (const line of lines) if (line !== '') onFrame(JSON.parse(line) as { type: string; object: unknown });
    }
  };
  run().then(
    () => end(undefined),
    // A connection that broke is an end like any other: the caller resumes from its last revision.
    (error: unknown) => end(error instanceof ApiError ? error : undefined),
  );
  return {
    stop: hangUp,
  };
}

/** `/api/v1/namespaces/x/pods` */
export function collectionPath(
  type: Pick<ResourceType<KubernetesObject>, 'group' | 'version' | 'resource'>,
  namespace?: string,
): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  return namespace
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${type.resource}`
    : `${root}/${type.resource}`;
}

function objectPath(
  type: ResourceType<KubernetesObject>,
  namespace: string | undefined,
  name: string,
  subresource?: string,
): string {
  return `${collectionPath(type, namespace)}/${encodeURIComponent(name)}${subresource ? `/${subresource}` : ''}`;
}

function search(parameters: Record<string, string | undefined>): string {
  const given = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

function listParameters(query: ListQuery & WatchQuery): Record<string, string | undefined> {
  const { labelSelector, fieldSelector, limit, resourceVersion } = query;
  return { labelSelector, fieldSelector, limit: limit?.toString(), continue: query.continue, resourceVersion };
}

function writeParameters(options: WriteOptions): Record<string, string | undefined> {
  return { dryRun: options.dryRun ? 'All' : undefined, fieldManager: options.fieldManager };
}

function deleteBody(options: DeleteOptions | undefined): unknown {
  if (!options) return undefined;
  const { dryRun, ...rest } = options;
  return { kind: 'DeleteOptions', apiVersion: 'v1', ...rest, ...(dryRun ? { dryRun: ['All'] } : {}) };
}
