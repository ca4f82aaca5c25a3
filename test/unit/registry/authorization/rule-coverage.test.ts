import { parseRule } from '@nodeless/registry/authorization/bootstrap-rules';
import {
  compactRules,
  describeRule,
  escalationMessage,
  uncoveredRules,
} from '@nodeless/registry/authorization/rule-coverage';
import { describe, expect, it } from 'vitest';

const rules = (...texts: string[]) => texts.map(parseRule);

describe('coverage', () => {
  it.each([
    ['the same', ['get | core | pods'], ['get | core | pods'], true],
    ['more verbs', ['get | core | pods'], ['get list | core | pods'], false],
    ['joined from two rules', ['get | core | pods', 'list | core | pods'], ['get list | core | pods'], true],
    ['all verbs', ['* | core | pods'], ['get | core | pods'], true],
    ['a star asked for', ['get list | core | pods'], ['* | core | pods'], false],
    ['another group', ['get | apps | pods'], ['get | core | pods'], false],
    ['any subresource', ['get | core | */log'], ['get | core | pods/log'], true],
    ['names within all', ['get | core | pods'], ['get | core | pods | a'], true],
    ['all of names', ['get | core | pods | a'], ['get | core | pods'], false],
    ['paths by prefix', ['get @ /a/*'], ['get @ /a/b'], true],
    ['paths beyond', ['get @ /a'], ['get @ /a/b'], false],
    ['nothing', [], [], true],
  ])('%s', (_, held, wanted, covered) => {
    expect(uncoveredRules(rules(...held), rules(...wanted)).length === 0).toBe(covered);
  });

  it('describes rules as Go prints them', () => {
    expect(describeRule(parseRule('get list | core apps | pods | a'))).toBe(
      '{APIGroups:["" "apps"], Resources:["pods"], ResourceNames:["a"], Verbs:["get" "list"]}',
    );
    expect(describeRule(parseRule('get @ /healthz'))).toBe('{NonResourceURLs:["/healthz"], Verbs:["get"]}');
  });

  it('joins verbs of equal parts', () => {
    expect(compactRules(uncoveredRules([], rules('get list | core | pods services'))).map(describeRule)).toEqual([
      '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
      '{APIGroups:[""], Resources:["services"], Verbs:["get" "list"]}',
    ]);
  });

  it('words an escalation', () => {
    const user = { name: 'bob', groups: ['devs', 'system:authenticated'] };
    expect(
      escalationMessage(
        user,
        { rules: rules('get | core | pods'), errors: [] },
        rules('get list | core | pods', 'get | core | secrets'),
      ),
    ).toBe(
      'user "bob" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    );
    expect(
      escalationMessage(user, { rules: rules('* | * | *'), errors: ['x'] }, rules('get | core | pods')),
    ).toBeUndefined();
    expect(escalationMessage(user, { rules: [], errors: ['x', 'y'] }, rules('get | core | pods'))).toMatch(
      /; resolution errors: \[\[x, y\]\]$/,
    );
  });
});
