/** One request on its way through the server. One object a request, of one shape. */
import type { AuthorizationAttributes } from '@nodeless/registry/authorization/authorizer';
import type { RequestScope } from '@nodeless/registry/registry';
import type { UserInfo } from '@nodeless/registry/strategy';
import { anonymousUser } from './authentication/authenticator.ts';
import type { ApiRequest, ApiResponse } from './exchange.ts';
import type { Query } from './query.ts';
import type { RequestInfo } from './request-info.ts';
import { Warnings } from './warnings.ts';

export class Call {
  readonly request: ApiRequest;
  readonly query: Query;
  readonly info: RequestInfo;
  readonly auditId: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** The connection may be taken over (WebSocket, SPDY): the answer may be 101. */
  readonly upgradable: boolean;
  user: UserInfo = anonymousUser;
  /** The user who asks to be seen as `user`. */
  impersonator: UserInfo | undefined = undefined;
  /** Gives back the place among the requests in flight. */
  release: (() => void) | undefined = undefined;
  #warnings: Warnings | undefined = undefined;
  #annotations: Map<string, string> | undefined = undefined;

  constructor(
    request: ApiRequest,
    query: Query,
    info: RequestInfo,
    auditId: string,
    receivedAt: number,
    upgradable: boolean,
  ) {
    this.request = request;
    this.query = query;
    this.info = info;
    this.auditId = auditId;
    this.receivedAt = receivedAt;
    this.upgradable = upgradable;
  }

  warn(text: string): void {
    (this.#warnings ??= new Warnings()).add(text);
  }
  warningHeaders(): readonly string[] {
    return this.#warnings?.headerValues() ?? [];
  }
  annotate(key: string, value: string): void {
    (this.#annotations ??= new Map()).set(key, value);
  }
  get annotations(): ReadonlyMap<string, string> | undefined {
    return this.#annotations;
  }

  get attributes(): AuthorizationAttributes {
    const { info, user } = this;
    if (!info.isResource) return { user, verb: info.verb, path: info.path };
    return {
      user,
      verb: info.verb,
      group: info.group,
      version: info.version,
      resource: info.resource,
      subresource: info.subresource,
      namespace: info.namespace,
      name: info.name,
      fieldSelector: info.fieldSelector,
      labelSelector: info.labelSelector,
    };
  }
}

export type Answer = ApiResponse | Promise<ApiResponse>;
export type Handler = (call: Call) => Answer;

/** The registry's view of a call. `namespace` and `name` as the route sees them. */
export class CallScope implements RequestScope {
  readonly user: UserInfo;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: readonly string[] | undefined;
  readonly fieldManager: string | undefined;
  readonly fieldValidation: string | undefined;
  readonly userAgent: string;
  readonly #call: Call;

  constructor(call: Call, subresource: string, namespace: string, name: string) {
    const { info, query } = call;
    this.#call = call;
    this.user = call.user;
    this.group = info.group;
    this.version = info.version;
    this.resource = info.resource;
    this.subresource = subresource;
    this.namespace = namespace;
    this.name = name;
    this.dryRun = query.has('dryRun') ? query.getAll('dryRun') : undefined;
    this.fieldManager = query.get('fieldManager');
    this.fieldValidation = query.get('fieldValidation');
    this.userAgent = call.request.header('user-agent') ?? '';
  }
  warn(text: string): void {
    this.#call.warn(text);
  }
  annotate(key: string, value: string): void {
    this.#call.annotate(key, value);
  }
}
