import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { KindDefinition, ScaleAccess } from '../resource.ts';
import type { ServedResource, ServedSubresource, StorageLocation } from '../resource-table.ts';
import { statusDoor } from '../generic-strategy.ts';
import type { KindStrategy, Strategy } from '../strategy.ts';
import { tableOf } from './columns.ts';
import { type CustomKind, contentOf, createCustomKind } from './custom-kind.ts';
import { memberAt, parseJsonPath, setMember } from './json-path.ts';
import { type Schema, someSchema } from './structural-schema.ts';
import { validateObject } from './validate-value.ts';

const verbs = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
/** Nothing comes to be while everything goes; finalizers are still to be taken away. */
const terminatingVerbs = verbs.filter((verb) => verb !== 'create');
const doorVerbs = ['get', 'patch', 'update'];

/** One version of a definition as the resource table serves it; undefined where it is not served or not yet accepted. */
export function servedVersion(
  definition: Readonly<CustomResourceDefinition>,
  version: CustomResourceDefinitionVersion,
): ServedResource | undefined {
  const { group, scope, preserveUnknownFields = false } = definition.spec;
  const stored = definition.spec.versions.find((v) => v.storage);
  const names = definition.status?.acceptedNames;
  if (!version.served || !stored || !names?.plural) return undefined;
  const apiVersion = `${group}/${version.name}`;
  const schema = (version.schema?.openAPIV3Schema ?? {}) as Schema;
  const custom = createCustomKind({ schema, preserveUnknownFields, apiVersion, kind: names.kind });
  const storage: StorageLocation = {
    group,
    resource: names.plural,
    version: stored.name,
    apiVersion: `${group}/${stored.name}`,
    model: '',
    prefix: `${group}/${names.plural}/`,
  };
  const kindDefinition: KindDefinition = {
    group,
    resource: names.plural,
    strategy: strategyOf(custom, version, `${apiVersion} ${names.kind}`),
    table: tableOf(version.additionalPrinterColumns),
    ...(version.subresources?.scale && { scale: scaleOf(version.subresources.scale) }),
  };
  return {
    group,
    version: version.name,
    resource: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    apiVersion,
    namespaced: scope === 'Namespaced',
    verbs: definition.metadata?.deletionTimestamp === undefined ? verbs : terminatingVerbs,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    subresources: subresourcesOf(version, { group, version: version.name, apiVersion, kind: names.kind }),
    storage,
    model: '',
    definition: kindDefinition,
    custom,
  };
}

function subresourcesOf(
  version: CustomResourceDefinitionVersion,
  own: Pick<ServedSubresource, 'group' | 'version' | 'apiVersion' | 'kind'>,
): Map<string, ServedSubresource> {
  const found = new Map<string, ServedSubresource>();
  if (version.subresources?.status) found.set('status', { name: 'status', ...own, model: '', verbs: doorVerbs });
  if (version.subresources?.scale) {
    const scale = {
      group: 'autoscaling',
      version: 'v1',
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      model: 'io.k8s.api.autoscaling.v1.Scale',
    };
    found.set('scale', { name: 'scale', ...scale, verbs: doorVerbs });
  }
  return found;
}

/** `words`: the version and kind as warnings name them. */
function strategyOf(custom: CustomKind, version: CustomResourceDefinitionVersion, words: string): KindStrategy {
  const hasStatus = version.subresources?.status !== undefined && version.subresources.status !== null;
  const doorRules: Strategy = {
    default: (object) => custom.default(object),
    validateUpdate: (object, old) => validateObject(object, custom.restore(old), custom.schema),
  };
  const fields = (version.selectableFields ?? []).map(({ jsonPath }) => ({
    name: jsonPath.replace(/^\./, ''),
    path: parseJsonPath(jsonPath),
  }));
  const hasRules = someSchema(
    custom.schema,
    (part) => Array.isArray(part['x-kubernetes-validations']) && part['x-kubernetes-validations'].length > 0,
  );
  const warnings = (): string[] => [
    ...(version.deprecated ? [version.deprecationWarning ?? `${words} is deprecated`] : []),
    ...(hasRules ? ['x-kubernetes-validations are not evaluated'] : []),
  ];
  return {
    ...doorRules,
    warnings,
    validate: (object) => validateObject(object, undefined, custom.schema),
    prepareForCreate(object) {
      if (hasStatus) delete object.status;
      object.metadata = { ...object.metadata, generation: 1 };
    },
    prepareForUpdate(object, stored) {
      const old = custom.restore(stored);
      if (hasStatus) {
        if (old.status === undefined) delete object.status;
        else object.status = old.status;
      }
      const isChanged = !deepEqual(contentOf(object, !hasStatus), contentOf(old, !hasStatus));
      const generation = old.metadata?.generation ?? 0;
      object.metadata = { ...object.metadata, generation: isChanged ? generation + 1 : old.metadata?.generation };
    },
    ...(hasStatus && {
      resetFields: [['status']],
      status: {
        ...doorRules,
        ...statusDoor,
        warnings,
        prepareForUpdate: (object, old, context) => statusDoor.prepareForUpdate?.(object, custom.restore(old), context),
      },
    }),
    fieldNames: fields.map(({ name }) => name),
    ...(fields.length > 0 && {
      selectableFields: (object) =>
        Object.fromEntries(fields.map(({ name, path }): [string, string] => [name, textOf(path?.find(object)[0])])),
    }),
  };
}

function textOf(value: unknown): string {
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
}

function scaleOf({
  specReplicasPath,
  statusReplicasPath,
  labelSelectorPath,
}: NonNullable<NonNullable<CustomResourceDefinitionVersion['subresources']>['scale']>): ScaleAccess {
  const membersOf = (path: string | undefined): readonly string[] => (path ? (parseJsonPath(path)?.members ?? []) : []);
  const [wanted, actual, selector] = [
    membersOf(specReplicasPath),
    membersOf(statusReplicasPath),
    membersOf(labelSelectorPath),
  ];
  const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
  return {
    replicas: (object) => count(memberAt(object, wanted)),
    statusReplicas: (object) => count(memberAt(object, actual)),
    selector(object) {
      const found = selector.length === 0 ? undefined : memberAt(object, selector);
      return typeof found === 'string' ? found : '';
    },
    setReplicas: (object, replicas) => setMember(object, wanted, replicas),
  };
}
