/** From what people type (`po`, `deploy`, `deployments.apps`) and manifests say (`kind`, `apiVersion`) to a resource. */
import { parseApiVersion, type UnknownObject } from '@nodeless/apimachinery/object';
import { type ResourceType, resourceType } from '@nodeless/client/client';
import type { Transport } from '@nodeless/client/http-transport';
import { UserError } from './output.ts';

interface DiscoveredResource {
  resource: string;
  responseKind: { kind: string };
  scope: 'Namespaced' | 'Cluster';
  singularResource?: string;
  shortNames?: string[];
  categories?: string[];
}
interface DiscoveryList {
  items: { metadata: { name?: string }; versions: { version: string; resources: DiscoveredResource[] }[] }[];
}

export interface ResourceNames {
  /** Several for a category (`all`) or a comma-separated list. Throws UserError for a name that the server does not know. */
  find(text: string): readonly ResourceType<UnknownObject>[];
  ofKind(apiVersion: string, kind: string): ResourceType<UnknownObject> | undefined;
}

const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export async function discover(transport: Transport): Promise<ResourceNames> {
  const lists = (await Promise.all(
    ['/api', '/apis'].map((path) => transport.json({ method: 'GET', path, headers: { accept } })),
  )) as DiscoveryList[];
  // The first version of a group is its preferred one, so the first match is the right one.
  const all = lists.flatMap((list) =>
    list.items.flatMap((group) =>
      group.versions.flatMap(({ version, resources }) =>
        resources.map((found) => ({
          found,
          type: resourceType<UnknownObject>(
            group.metadata.name ?? '',
            version,
            found.resource,
            found.responseKind.kind,
            found.scope === 'Namespaced',
          ),
        })),
      ),
    ),
  );
  const one = (text: string): ResourceType<UnknownObject>[] => {
    const [name = '', ...rest] = text.toLowerCase().split('.');
    const qualifier = rest.join('.');
    const inGroup = all.filter(
      ({ type }) => qualifier === '' || qualifier === type.group || qualifier === `${type.version}.${type.group}`,
    );
    const hit = inGroup.find(({ found, type }) =>
      [found.resource, found.singularResource, type.kind.toLowerCase(), ...(found.shortNames ?? [])].includes(name),
    );
    if (hit) return [hit.type];
    const category = inGroup.filter(({ found }) => found.categories?.includes(name));
    if (category.length === 0) throw new UserError(`the server doesn't have a resource type ${JSON.stringify(text)}`);
    const seen = new Set<string>();
    return category
      .map(({ type }) => type)
      .filter((type) => !seen.has(`${type.group}/${type.resource}`) && seen.add(`${type.group}/${type.resource}`));
  };
  return {
    find: (text) => text.split(',').flatMap(one),
    ofKind(apiVersion, kind) {
      const gv = parseApiVersion(apiVersion);
      return all.find(({ type }) => type.kind === kind && type.group === gv?.group && type.version === gv.version)
        ?.type;
    },
  };
}

/** `deployment.apps/web`, as kubectl names what it did something to. */
export function displayName(type: ResourceType<UnknownObject>, name: string): string {
  const kind = type.kind.toLowerCase();
  return `${type.group === '' ? kind : `${kind}.${type.group}`}/${name}`;
}
