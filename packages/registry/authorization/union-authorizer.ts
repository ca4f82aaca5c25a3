import type { UserInfo } from '../strategy.ts';
import {
  type AuthorizationAttributes,
  type Authorizer,
  type Decision,
  type UserRules,
  noOpinion,
  privilegedGroup,
} from './authorizer.ts';

/** Members of system:masters may do everything, whatever roles say: the way back in when the roles are broken. */
export const privilegedAuthorizer: Authorizer = {
  authorize: ({ user }) => (user.groups.includes(privilegedGroup) ? allowed : noOpinion),
};
const allowed: Decision = { decision: 'allow', reason: '' };

/**
 * Asks each in turn; the first that allows or denies has decided. Without an opinion the reasons are joined.
 * Answers synchronously as long as its members do.
 */
export function unionAuthorizer(
  authorizers: readonly Authorizer[],
): Authorizer & { rulesFor(user: UserInfo, namespace: string): UserRules } {
  const from = (
    start: number,
    attributes: AuthorizationAttributes,
    reasons: string[],
  ): Decision | Promise<Decision> => {
    for (let i = start; i < authorizers.length; i++) {
      const answer = (authorizers[i] as Authorizer).authorize(attributes);
      if (answer instanceof Promise) {
        return answer.then((decision) => {
          if (decision.decision !== 'no-opinion') return decision;
          if (decision.reason !== '') reasons.push(decision.reason);
          return from(i + 1, attributes, reasons);
        });
      }
      if (answer.decision !== 'no-opinion') return answer;
      if (answer.reason !== '') reasons.push(answer.reason);
    }
    return reasons.length === 0 ? noOpinion : { decision: 'no-opinion', reason: reasons.join('\n') };
  };
  return {
    authorize: (attributes) => from(0, attributes, []),
    rulesFor(user, namespace) {
      const all = authorizers.flatMap((authorizer) => authorizer.rulesFor?.(user, namespace) ?? []);
      return {
        rules: all.flatMap((one) => one.rules),
        incomplete: all.some((one) => one.incomplete),
        errors: all.flatMap((one) => one.errors),
      };
    },
  };
}
