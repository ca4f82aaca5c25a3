import type { Authentication, TokenAuthenticator } from './authenticator.ts';
import { withAuthenticatedGroup } from './authenticator.ts';

export interface StaticToken {
  readonly token: string;
  readonly user: string;
  readonly uid?: string;
  readonly groups: readonly string[];
}

/** Tokens known from the start: the one that `nodeless up` writes into the kubeconfig. */
export function createStaticTokens(
  tokens: readonly StaticToken[],
  apiAudiences: readonly string[],
): TokenAuthenticator {
  const known = new Map<string, Authentication>(
    tokens.map(({ token, user, uid, groups }) => {
      const found = withAuthenticatedGroup({ name: user, ...(uid ? { uid } : {}), groups });
      return [token, { user: found, audiences: apiAudiences }];
    }),
  );
  return {
    authenticateToken(token, audiences) {
      const found = known.get(token);
      // These tokens name no audience: they are good for the API server.
      if (!found || audiences === apiAudiences) return found;
      const common = audiences.filter((audience) => apiAudiences.includes(audience));
      return common.length === 0 ? undefined : { ...found, audiences: common };
    },
  };
}

/** kube-apiserver's token file: `token,user,uid[,"group1,group2"]` a line. */
export function parseTokenFile(text: string): StaticToken[] {
  return text.split(/\r?\n/).flatMap((line): StaticToken[] => {
    const [token = '', user = '', uid = '', groups = ''] = splitFields(line);
    if (token === '' || user === '') return [];
    return [{ token, user, uid, groups: groups.split(',').filter((group) => group !== '') }];
  });
}

/** Comma-separated, a field with commas in double quotes. */
function splitFields(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map((match) => (match[1] ?? match[2] ?? '').trim());
}
