import type { PolicyRule } from '@nodeless/apimachinery/generated/types/rbac/v1';
import type { UserInfo } from '../strategy.ts';
import type { AuthorizationAttributes, Authorizer, Decision, UserRules } from './authorizer.ts';
import type { Grant, RbacIndex } from './rbac-index.ts';
import { aggregateErrors } from './rule-coverage.ts';
import { ruleAllows } from './rule-match.ts';

/** What one user may do, put together once and thrown away when any role or binding changes. */
interface CompiledUser {
  readonly generation: number;
  readonly cluster: readonly Grant[];
  readonly byNamespace: ReadonlyMap<string, readonly Grant[]>;
  /** Decisions on requests without a name; those of named objects that need a rule with names are not kept. */
  readonly decisions: Map<string, Decision>;
  /** Some rule is limited to names, so that a refusal without a name is not the last word. */
  readonly hasNames: boolean;
}

/** A hostile user could fill the memory with paths or namespaces that do not exist. */
const maxDecisions = 4096;

export function createRbacAuthorizer(
  index: RbacIndex,
): Authorizer & { rulesFor(user: UserInfo, namespace: string): UserRules } {
  // Authenticators hand out one UserInfo per credential, so that this finds the user without building a key.
  const users = new WeakMap<UserInfo, CompiledUser>();

  const compiled = (user: UserInfo): CompiledUser => {
    const known = users.get(user);
    if (known?.generation === index.generation) return known;
    const made = compile(index, user);
    users.set(user, made);
    return made;
  };

  return {
    authorize(attributes) {
      const user = compiled(attributes.user);
      const key = decisionKey(attributes);
      let decision = user.decisions.get(key);
      if (decision === undefined) {
        decision = decide(user, attributes, undefined);
        if (user.decisions.size >= maxDecisions) user.decisions.clear();
        user.decisions.set(key, decision);
      }
      if (decision.decision === 'allow' || !user.hasNames || !attributes.name) return decision;
      return decide(user, attributes, attributes.name);
    },
    rulesFor(user, namespace) {
      const rules: PolicyRule[] = [];
      const errors: string[] = [];
      for (const grant of grantsIn(compiled(user), namespace)) {
        if (grant.rules) rules.push(...grant.rules);
        else errors.push(grant.description);
      }
      return { rules, incomplete: false, errors };
    },
  };
}

function compile(index: RbacIndex, user: UserInfo): CompiledUser {
  const grants = index.grantsOf(user);
  const byNamespace = new Map<string, Grant[]>();
  for (const grant of grants) {
    if (grant.namespace === '') continue;
    const of = byNamespace.get(grant.namespace);
    if (of) of.push(grant);
    else byNamespace.set(grant.namespace, [grant]);
  }
  return {
    generation: index.generation,
    cluster: grants.filter((grant) => grant.namespace === ''),
    byNamespace,
    decisions: new Map(),
    hasNames: grants.some((grant) => grant.rules?.some((rule) => rule.resourceNames?.length)),
  };
}

function decisionKey(a: AuthorizationAttributes): string {
  if (a.path !== undefined) return `${a.verb} ${a.path}`;
  return `${a.verb}\n${a.group}\n${a.resource}\n${a.subresource}\n${a.namespace}`;
}

function grantsIn(user: CompiledUser, namespace: string): readonly Grant[] {
  const local = namespace === '' ? undefined : user.byNamespace.get(namespace);
  return local ? [...user.cluster, ...local] : user.cluster;
}

function decide(user: CompiledUser, attributes: AuthorizationAttributes, name: string | undefined): Decision {
  const errors: string[] = [];
  for (const grant of grantsIn(user, attributes.namespace ?? '')) {
    if (!grant.rules) errors.push(grant.description);
    else if (grant.rules.some((rule) => ruleAllows(rule, attributes, name))) {
      return { decision: 'allow', reason: `RBAC: allowed by ${grant.description}` };
    }
  }
  return { decision: 'no-opinion', reason: errors.length === 0 ? '' : `RBAC: ${aggregateErrors(errors)}` };
}
