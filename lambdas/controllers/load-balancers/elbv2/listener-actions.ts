/** Actions and conditions in AWS's words, and as text to compare by. */
import type { Action, Rule, RuleCondition } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { DesiredAction, DesiredRule } from './desired-stack.ts';

export function actionInput(action: DesiredAction, arnOf: (group: string) => string): Action {
  switch (action.do) {
    case 'forward': {
      const [first, ...others] = action.groups;
      if (first && others.length === 0) return { Type: 'forward', TargetGroupArn: arnOf(first.name) };
      return {
        Type: 'forward',
        ForwardConfig: {
          TargetGroups: action.groups.map(({ name, weight }) => ({ TargetGroupArn: arnOf(name), Weight: weight })),
        },
      };
    }
    case 'redirect':
      return {
        Type: 'redirect',
        RedirectConfig: {
          Protocol: action.protocol,
          Host: action.host,
          Port: action.port,
          Path: action.path,
          Query: action.query,
          StatusCode: action.permanent ? 'HTTP_301' : 'HTTP_302',
        },
      };
    case 'respond':
      return {
        Type: 'fixed-response',
        FixedResponseConfig: {
          StatusCode: action.status,
          ContentType: action.contentType,
          ...(action.body === '' ? {} : { MessageBody: action.body }),
        },
      };
  }
}

/** The same for an action sent and the one that AWS shows for it. */
export function actionText(actions: readonly Action[]): string {
  return JSON.stringify(
    actions.map(({ Type, TargetGroupArn, ForwardConfig, RedirectConfig, FixedResponseConfig }) => {
      const groups = TargetGroupArn
        ? [[TargetGroupArn, 1]]
        : (ForwardConfig?.TargetGroups ?? []).map((group) => [group.TargetGroupArn, Number(group.Weight ?? 1)]);
      // One group alone takes everything, whatever its weight.
      return [
        Type,
        groups.length === 1 ? [[groups[0]?.[0], 1]] : groups,
        RedirectConfig && [
          RedirectConfig.Protocol,
          RedirectConfig.Host,
          RedirectConfig.Port,
          RedirectConfig.Path,
          RedirectConfig.Query,
          RedirectConfig.StatusCode,
        ],
        FixedResponseConfig && [
          FixedResponseConfig.StatusCode,
          FixedResponseConfig.ContentType,
          FixedResponseConfig.MessageBody ?? '',
        ],
      ];
    }),
  );
}

export function conditionsInput({ hosts, paths }: DesiredRule): RuleCondition[] {
  return [
    ...(hosts.length > 0 ? [{ Field: 'host-header', HostHeaderConfig: { Values: [...hosts] } }] : []),
    ...(paths.length > 0 ? [{ Field: 'path-pattern', PathPatternConfig: { Values: [...paths] } }] : []),
  ];
}

export const conditionsText = (hosts: readonly string[], paths: readonly string[]): string =>
  JSON.stringify([hosts.toSorted(), paths.toSorted()]);

export function ruleConditionsText({ Conditions = [] }: Rule): string {
  const of = (field: string): RuleCondition | undefined => Conditions.find(({ Field }) => Field === field);
  const hosts = of('host-header');
  const paths = of('path-pattern');
  return conditionsText(
    hosts?.HostHeaderConfig?.Values ?? hosts?.Values ?? [],
    paths?.PathPatternConfig?.Values ?? paths?.Values ?? [],
  );
}
