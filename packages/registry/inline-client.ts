import type {
  Client,
  DeleteOptions,
  List,
  ListQuery,
  ResourceType,
  Watch,
  WatchEvent,
  WatchHandler,
  WatchQuery,
  WriteOptions,
} from '@nodeless/client/client';
import type { KubernetesObject, UnknownObject } from '@nodeless/apimachinery/object';
import { internalError } from '@nodeless/apimachinery/status';
import { noLiterals } from '@nodeless/apimachinery/json-value';
import type { Authorizer } from './authorization/authorizer.ts';
import { forbiddenError } from './authorization/forbidden.ts';
import type {
  ListOptions,
  Registry,
  RequestBody,
  RequestScope,
  WatchEvent as RegistryEvent,
  WatchSession,
} from './registry.ts';
import type { UserInfo } from './strategy.ts';

export interface InlineClientOptions {
  readonly registry: Registry;
  readonly authorizer: Authorizer;
  /** Who acts: `system:serviceaccount:kube-system:replicaset-controller`. */
  readonly user: UserInfo;
  /** The field manager where a write names none: `kube-controller-manager`. */
  readonly fieldManager: string;
  /** What the server would send as Warning headers. */
  readonly onWarning?: (text: string) => void;
}

/**
 * The Client seam without HTTP: requests of this process go straight into the registry as a named user. Authorization,
 * admission and validation see them as any others; only authentication and fairness are left out. Nothing is made
 * into JSON but what is stored.
 */
export function createInlineClient({
  registry,
  authorizer,
  user,
  fieldManager,
  onWarning = () => {},
}: InlineClientOptions): Client {
  const scopeOf = (
    type: ResourceType<KubernetesObject>,
    verb: string,
    namespace = '',
    name = '',
    options: WriteOptions = {},
  ): RequestScope => ({
    user,
    group: type.group,
    version: type.version,
    resource: type.resource,
    subresource: options.subresource ?? '',
    namespace: type.namespaced ? namespace : '',
    name,
    dryRun: options.dryRun ? dryRunAll : undefined,
    fieldManager: verb === 'get' ? undefined : (options.fieldManager ?? fieldManager),
    fieldValidation: 'Ignore',
    userAgent: fieldManager,
    warn: onWarning,
    annotate: () => {},
  });

  /** undefined where the answer is there at once, which spares every request a turn of the microtask queue. */
  const authorize = (
    { group, version, resource, subresource, namespace, name }: RequestScope,
    verb: string,
    selected?: WatchQuery,
  ): void | Promise<void> => {
    const attributes =
      selected === undefined
        ? { user, verb, group, version, resource, subresource, namespace, name }
        : {
            user,
            verb,
            group,
            version,
            resource,
            subresource,
            namespace,
            name: selectedName(selected.fieldSelector),
            fieldSelector: selected.fieldSelector,
            labelSelector: selected.labelSelector,
          };
    const pending = authorizer.authorize(attributes);
    if (pending instanceof Promise) {
      return pending.then(({ decision, reason }) => {
        if (decision !== 'allow') throw forbiddenError(attributes, reason);
      });
    }
    if (pending.decision !== 'allow') throw forbiddenError(attributes, pending.reason);
    return undefined;
  };

  const client: Client = {
    async get(type, key, options = {}) {
      const scope = scopeOf(type, 'get', key.namespace, key.name, options);
      const pending = authorize(scope, 'get');
      if (pending) await pending;
      return typed((await registry.get(scope)).object());
    },
    async list<T extends KubernetesObject>(type: ResourceType<T>, query: ListQuery = {}): Promise<List<T>> {
      const scope = scopeOf(type, 'list', query.namespace);
      await authorize(scope, 'list', query);
      const list = await registry.list(scope, listOptions(query));
      return { items: list.items.map((item) => typed<T>(item.object())), metadata: list.metadata };
    },
    async create(type, object, options = {}) {
      // with a subresource, metadata names the parent; a plain create has no name in its URL
      const { name = '', namespace } = object.metadata ?? {};
      const scope = scopeOf(type, 'create', namespace, options.subresource ? name : '', options);
      const pending = authorize(scope, 'create');
      if (pending) await pending;
      return typed((await registry.create(scope, bodyOf(object))).result.object());
    },
    async update(type, object, options = {}) {
      const scope = scopeOf(type, 'update', object.metadata?.namespace, object.metadata?.name, options);
      const pending = authorize(scope, 'update');
      if (pending) await pending;
      return typed((await registry.update(scope, bodyOf(object))).result.object());
    },
    async patch(type, key, patchType, patch, options = {}) {
      const scope = scopeOf(type, 'patch', key.namespace, key.name, options);
      const pending = authorize(scope, 'patch');
      if (pending) await pending;
      return typed((await registry.patch(scope, patchBody(patch), { type: patchType })).result.object());
    },
    async apply(type, object, options) {
      const scope = scopeOf(type, 'patch', object.metadata?.namespace, object.metadata?.name, options);
      const pending = authorize(scope, 'patch');
      if (pending) await pending;
      const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
      const body = patchBody({
        ...object,
        kind: object.kind ?? type.kind,
        apiVersion: object.apiVersion ?? apiVersion,
      });
      return typed(
        (await registry.patch(scope, body, { type: 'apply', force: options.force === true })).result.object(),
      );
    },
    async delete(type, key, options = {}) {
      const scope = scopeOf(type, 'delete', key.namespace, key.name);
      const pending = authorize(scope, 'delete');
      if (pending) await pending;
      await registry.delete(scope, deletion(options));
    },
    async deleteCollection(type, query, options = {}) {
      const scope = scopeOf(type, 'deletecollection', query.namespace);
      await authorize(scope, 'deletecollection', query);
      await registry.deleteCollection(scope, listOptions(query), deletion(options));
    },
    watch<T extends KubernetesObject>(type: ResourceType<T>, query: WatchQuery, handler: WatchHandler<T>): Watch {
      const scope = scopeOf(type, 'watch', query.namespace);
      let session: WatchSession | undefined;
      let stopped = false;
      const end = (error: Error | undefined): void => {
        if (stopped) return;
        stopped = true;
        handler.onEnd(error);
      };
      const deliver = (events: readonly RegistryEvent[]): void => {
        for (const event of events) {
          if (stopped) return;
          handler.onEvent(clientEvent<T>(event));
        }
      };
      const start = async (): Promise<void> => {
        try {
          await authorize(scope, 'watch', query);
          const options: ListOptions = {
            ...selectors(query),
            resourceVersion: query.resourceVersion,
            allowWatchBookmarks: true,
          };
          const started = await registry.watch(scope, options, { onEvents: deliver, onEnd: end });
          if (stopped) started.stop();
          else session = started;
        } catch (error) {
          end(error instanceof Error ? error : internalError(error));
        }
      };
      void start();
      return {
        stop() {
          stopped = true;
          session?.stop();
        },
      };
    },
  };
  return client;
}

const dryRunAll = ['All'];

/** The caller knows what its resource holds. */
function typed<T>(object: Readonly<UnknownObject>): T {
  return object as unknown as T;
}

function bodyOf(object: KubernetesObject): RequestBody {
  return { form: 'object', object: object as UnknownObject };
}

/** A patch is JSON by nature, whoever makes it. It is not changed: patches share what they bring, and copies are made when it is decoded. */
function patchBody(patch: unknown): RequestBody {
  return { form: 'wire', read: () => ({ value: patch as never, duplicates: [], literals: noLiterals }) };
}

/** A list or watch of one object by name counts as a request for that object (RequestInfo). */
function selectedName(fieldSelector: string | undefined): string {
  return /(?:^|,)metadata\.name==?([^,!=]+)(?:,|$)/.exec(fieldSelector ?? '')?.[1] ?? '';
}

function selectors({ labelSelector, fieldSelector }: WatchQuery): ListOptions {
  return { labelSelector, fieldSelector };
}

function listOptions({ labelSelector, fieldSelector, limit, resourceVersion, continue: next }: ListQuery): ListOptions {
  return { labelSelector, fieldSelector, limit, continue: next, resourceVersion };
}

function deletion({ dryRun, ...options }: DeleteOptions): Parameters<Registry['delete']>[1] {
  return dryRun ? { ...options, dryRun: dryRunAll } : options;
}

function clientEvent<T extends KubernetesObject>({ type, object }: RegistryEvent): WatchEvent<T> {
  const value = object.object();
  return type === 'BOOKMARK'
    ? { type, resourceVersion: value.metadata?.resourceVersion ?? '' }
    : { type, object: typed<T>(value) };
}
