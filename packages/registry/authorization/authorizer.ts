import type { PolicyRule } from '@nodeless/apimachinery/generated/types/rbac/v1';
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
  /** Unparsed; of list, watch and deletecollection. */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface Decision {
  readonly decision: 'allow' | 'deny' | 'no-opinion';
  /** Goes into the Forbidden message and SubjectAccessReview's reason. */
  readonly reason: string;
  /** What could not be evaluated (a binding's role is missing), for SubjectAccessReview. */
  readonly error?: string;
}

/** What a user may do in a namespace, as far as it can be listed. */
export interface UserRules {
  readonly rules: readonly PolicyRule[];
  /** There may be more than is listed. */
  readonly incomplete: boolean;
  readonly errors: readonly string[];
}

export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): Decision | Promise<Decision>;
  /** Absent where the authorizer's answers are not rules. */
  rulesFor?(user: UserInfo, namespace: string): UserRules;
}

export const noOpinion: Decision = { decision: 'no-opinion', reason: '' };
export const privilegedGroup = 'system:masters';
