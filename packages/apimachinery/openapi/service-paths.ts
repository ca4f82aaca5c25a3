import { META_V1 } from '../schema.ts';
import { groupWord, title } from './operation-names.ts';
import { mediaTypes, type Operation, type PathItem } from './operations.ts';

/**
 * The paths that are no resources: discovery, version, OIDC discovery. `key` is the name of the v3 document
 * that holds them.
 */
export interface ServiceDocument {
  readonly key: string;
  readonly paths: readonly PathItem[];
}

export function serviceDocuments(groups: readonly string[]): ServiceDocument[] {
  return [
    document(
      '.well-known/openid-configuration',
      'getServiceAccountIssuerOpenIDConfiguration',
      'WellKnown',
      'get the configuration of the service account issuer',
      'string',
      ['application/json'],
    ),
    document('api', 'getCoreAPIVersions', 'core', 'get available API versions', `${META_V1}.APIVersions`),
    document('apis', 'getAPIVersions', 'apis', 'get available API versions', `${META_V1}.APIGroupList`),
    ...groups.filter((g) => g !== '').map(groupDocument),
    document(
      'openid/v1/jwks',
      'getServiceAccountIssuerOpenIDKeyset',
      'openid',
      'get the keys of the service account issuer',
      'string',
      ['application/jwk-set+json'],
    ),
    document(
      'version',
      'getCodeVersion',
      'version',
      'get the version of this server',
      'io.k8s.apimachinery.pkg.version.Info',
      ['application/json'],
    ),
  ];
}

/** `/apis/apps/v1/`: the resources of a group version. */
export function resourceListPath(group: string, version: string): PathItem {
  const word = groupWord(group);
  const path = group === '' ? `/api/${version}/` : `/apis/${group}/${version}/`;
  return item(
    path,
    `get${title(word)}${title(version)}APIResources`,
    `${word}_${version}`,
    'get available resources',
    `${META_V1}.APIResourceList`,
  );
}

function groupDocument(group: string): ServiceDocument {
  const word = groupWord(group);
  return document(
    `apis/${group}`,
    `get${title(word)}APIGroup`,
    word,
    'get information of a group',
    `${META_V1}.APIGroup`,
  );
}

function document(
  key: string,
  id: string,
  tag: string,
  description: string,
  model: string,
  produces?: string[],
): ServiceDocument {
  return { key, paths: [item(`/${key}/`, id, tag, description, model, produces)] };
}

function item(
  path: string,
  id: string,
  tag: string,
  description: string,
  model: string,
  produces = mediaTypes({ builtin: true }),
): PathItem {
  const operation: Operation = {
    method: 'get',
    id,
    tag,
    description,
    parameters: [],
    responses: { 200: { description: 'OK', model } },
    produces,
  };
  return { path, operations: [operation] };
}
