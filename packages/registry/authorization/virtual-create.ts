import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { UserInfo } from '../strategy.ts';

export interface VirtualContext {
  readonly user: UserInfo;
  readonly namespace: string;
  /** Of the parent object, for subresources; else ''. */
  readonly name: string;
  /** A text for the Warning header. */
  warn(text: string): void;
  /** An annotation for the audit event. */
  annotate(key: string, value: string): void;
}

/**
 * Answers a create of something that is never stored: access reviews, token reviews, token requests. `object` is decoded
 * and defaulted and may be changed and given back. Errors: ApiError.
 */
export type VirtualCreate = (object: UnknownObject, context: VirtualContext) => UnknownObject | Promise<UnknownObject>;
