/**
 * Acting as somebody else (Impersonate-User and its companions). Tried are v1.36's constrained modes, each with verbs of
 * its own, and last the old `impersonate` verb, which allows everything; the first refusal met is the one told.
 */
import { type ApiError, badRequest } from '@nodeless/apimachinery/status';
import type { AuthorizationAttributes, Authorizer } from '@nodeless/registry/authorization/authorizer';
import { privilegedGroup } from '@nodeless/registry/authorization/authorizer';
import { forbiddenError } from '@nodeless/registry/authorization/forbidden';
import type { UserInfo } from '@nodeless/registry/strategy';
import type { ApiRequest } from '../exchange.ts';
import { anonymousUser, authenticatedGroup, unauthenticatedGroup } from './authenticator.ts';

const extraPrefix = 'impersonate-extra-';
const nodePrefix = 'system:node:';
const accountPrefix = 'system:serviceaccount:';
const authenticationGroup = 'authentication.k8s.io';

/** Cheap: most requests impersonate nobody. */
export function wantsImpersonation(request: ApiRequest): boolean {
  if (request.header('impersonate-user') !== undefined) return true;
  const headers = request.rawHeaders();
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if ((name.charCodeAt(0) | 0x20) === 0x69 && name.toLowerCase().startsWith('impersonate-')) return true;
  }
  return false;
}

/** The user asked for, as the headers say it. Errors: 400 for companions without a user. */
function wantedUser(request: ApiRequest): UserInfo | undefined {
  const name = request.header('impersonate-user') ?? '';
  const uid = request.header('impersonate-uid') ?? '';
  const groups = request.headerValues('impersonate-group');
  const extra: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  const headers = request.rawHeaders();
  for (let i = 0; i < headers.length; i += 2) {
    const header = (headers[i] as string).toLowerCase();
    if (!header.startsWith(extraPrefix)) continue;
    (extra[unescapeKey(header.slice(extraPrefix.length))] ??= []).push(headers[i + 1] as string);
  }
  const hasExtra = Object.keys(extra).length > 0;
  if (name !== '') return { name, groups, ...(uid === '' ? {} : { uid }), ...(hasExtra ? { extra } : {}) };
  if (uid === '' && groups.length === 0 && !hasExtra) return undefined;
  throw badRequest(`requested ${goUser(uid, groups, extra)} without impersonating a user name`);
}

function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function goUser(uid: string, groups: readonly string[], extra: Readonly<Record<string, readonly string[]>>): string {
  const list = (values: readonly string[]): string =>
    `[]string{${values.map((value) => JSON.stringify(value)).join(', ')}}`;
  const extras = Object.entries(extra).map(
    ([key, values]) => `${JSON.stringify(key)}:[]string{${values.map((v) => JSON.stringify(v)).join(', ')}}`,
  );
  const groupText = groups.length === 0 ? '[]string(nil)' : list(groups);
  const extraText = extras.length === 0 ? 'map[string][]string(nil)' : `map[string][]string{${extras.join(', ')}}`;
  return `&user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:${groupText}, Extra:${extraText}}`;
}

interface Account {
  readonly namespace: string;
  readonly name: string;
}

function accountOf(user: string): Account | undefined {
  if (!user.startsWith(accountPrefix)) return undefined;
  const [namespace, name, ...more] = user.slice(accountPrefix.length).split(':');
  return namespace && name && more.length === 0 ? { namespace, name } : undefined;
}

const nodeOf = (user: string): string | undefined =>
  user.startsWith(nodePrefix) && user.length > nodePrefix.length ? user.slice(nodePrefix.length) : undefined;

interface Mode {
  readonly name: 'associated-node' | 'arbitrary-node' | 'serviceaccount' | 'user-info';
  applies(wanted: UserInfo, requestor: UserInfo): boolean;
}

const onlyName = (wanted: UserInfo): boolean =>
  wanted.groups.length === 0 && wanted.uid === undefined && wanted.extra === undefined;

const modes: readonly Mode[] = [
  {
    name: 'associated-node',
    applies: (wanted, requestor) =>
      onlyName(wanted) &&
      accountOf(requestor.name) !== undefined &&
      nodeOf(wanted.name) !== undefined &&
      requestor.extra?.['authentication.kubernetes.io/node-name']?.[0] === nodeOf(wanted.name),
  },
  { name: 'arbitrary-node', applies: (wanted) => onlyName(wanted) && nodeOf(wanted.name) !== undefined },
  { name: 'serviceaccount', applies: (wanted) => onlyName(wanted) && accountOf(wanted.name) !== undefined },
  { name: 'user-info', applies: (wanted) => nodeOf(wanted.name) === undefined && accountOf(wanted.name) === undefined },
];

/**
 * The user whose rights the request has: the requestor himself, or whom he may impersonate for it.
 * `asked` = the attributes of the request, with the requestor as user. Errors: 400, 403.
 */
export async function impersonate(
  request: ApiRequest,
  asked: AuthorizationAttributes,
  authorizer: Authorizer,
): Promise<UserInfo> {
  const wanted = wantedUser(request);
  if (!wanted) return asked.user;
  const check = async (attributes: AuthorizationAttributes): Promise<ApiError | undefined> => {
    const decision = await authorizer.authorize(attributes);
    return decision.decision === 'allow' ? undefined : forbiddenError(attributes, decision.reason);
  };
  let refusal: ApiError | undefined;
  for (const mode of modes) {
    if (!mode.applies(wanted, asked.user)) continue;
    const refused =
      (await check({ ...asked, verb: `impersonate-on:${mode.name}:${asked.verb}` })) ??
      (await checkFields(wanted, asked.user, mode.name, check));
    if (!refused) return complete(wanted, true);
    refusal ??= refused;
  }
  const refused = await checkFields(wanted, asked.user, undefined, check);
  if (!refused) return complete(wanted, false);
  throw refusal ?? refused;
}

type Check = (attributes: AuthorizationAttributes) => Promise<ApiError | undefined>;

/** Each thing that is asked for must be allowed by itself. `mode` undefined = the old verb. */
async function checkFields(
  wanted: UserInfo,
  requestor: UserInfo,
  mode: Mode['name'] | undefined,
  check: Check,
): Promise<ApiError | undefined> {
  const verb = mode === undefined ? 'impersonate' : `impersonate:${mode}`;
  const group = mode === undefined ? '' : authenticationGroup;
  const about = (
    resource: string,
    name: string,
    more: Partial<AuthorizationAttributes> = {},
  ): AuthorizationAttributes => ({
    user: requestor,
    verb,
    group,
    version: 'v1',
    resource,
    subresource: '',
    namespace: '',
    name,
    ...more,
  });
  const account = accountOf(wanted.name);
  const node = mode === undefined ? undefined : nodeOf(wanted.name);
  // A requestor that stands for its own node is allowed by node or not at all.
  const nodeName = mode === 'associated-node' ? '*' : (node as string);
  const questions: AuthorizationAttributes[] = [
    account
      ? about('serviceaccounts', account.name, { namespace: account.namespace })
      : node === undefined
        ? about('users', wanted.name)
        : about('nodes', nodeName),
  ];
  if (wanted.uid !== undefined) questions.push(about('uids', wanted.uid, { group: authenticationGroup }));
  for (const name of wanted.groups) {
    if (mode !== undefined && name === '')
      return forbiddenError(about('groups', ''), 'impersonating the empty string group is not allowed');
    if (mode !== undefined && name === privilegedGroup) {
      return forbiddenError(about('groups', name), 'impersonating the system:masters group is not allowed');
    }
    questions.push(about('groups', name));
  }
  for (const [key, values] of Object.entries(wanted.extra ?? {})) {
    for (const value of values)
      questions.push(about('userextras', value, { group: authenticationGroup, subresource: key }));
  }
  for (const question of questions) {
    const refused = await check(question);
    if (refused) return refused;
  }
  return undefined;
}

/** Adds the groups that go without saying. */
function complete(wanted: UserInfo, constrained: boolean): UserInfo {
  let { groups } = wanted;
  const account = accountOf(wanted.name);
  if (constrained && nodeOf(wanted.name) !== undefined) groups = ['system:nodes'];
  else if (account && groups.length === 0)
    groups = ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`];
  const implied = wanted.name === anonymousUser.name ? unauthenticatedGroup : authenticatedGroup;
  if (!groups.includes(implied) && !groups.includes(unauthenticatedGroup)) groups = [...groups, implied];
  return { ...wanted, groups };
}
