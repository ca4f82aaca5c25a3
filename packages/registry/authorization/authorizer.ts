import type { UserInfo } from '../strategy.ts';

/** What is asked for. Non-resource requests have `path`, resource requests the others. */
export interface AuthorizationAttributes {
  readonly user: UserInfo;
  /** get list watch create update patch delete deletecollection, bind escalate impersonate …; for paths the lower-case HTTP method. */
  readonly verb: string;
  readonly path?: string;
  readonly group?: string;
  readonly version?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

export interface Decision {
  readonly decision: 'allow' | 'deny' | 'no-opinion';
  /** Goes into the Forbidden message and SubjectAccessReview's reason. */
  readonly reason: string;
}

export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): Decision | Promise<Decision>;
}
