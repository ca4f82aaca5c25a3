import { ApiError, forbidden } from '@nodeless/apimachinery/status';
import type { AuthorizationAttributes } from './authorizer.ts';

/** No browser shall take a user's name for markup. */
const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** The 403 for a request that no authorizer allows. */
export function forbiddenError(attributes: AuthorizationAttributes, reason: string): ApiError {
  const who = JSON.stringify(attributes.user.name);
  const safe = (text: string): string => text.replace(/[&<>]/g, (c) => entities[c] as string);
  const suffix = reason === '' ? '' : `: ${reason}`;
  if (attributes.path !== undefined) {
    const message = `forbidden: ${safe(`User ${who} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}`)}${suffix}`;
    return new ApiError({ code: 403, reason: 'Forbidden', message, details: {} });
  }
  const { group = '', resource = '', subresource = '', namespace = '', name = '' } = attributes;
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const message = `User ${who} cannot ${attributes.verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}`;
  return forbidden({ group, resource }, name, `${safe(message)}${suffix}`);
}
