import { addModels, type Dialect, refTo, type Schema, V2, V3 } from './model-schemas.ts';
import type { Operation, PathItem } from './operations.ts';
import { byName, isSame, type Parameter, sharedParameters } from './parameters.ts';

/** Writes paths and the schemas they need as an OpenAPI document, in version 2 or 3. */

export interface DocumentSource {
  readonly paths: readonly PathItem[];
  /** Schemas that are not built in, by name; those of `paths` and all they refer to must be here or built in. */
  readonly schemas: ReadonlyMap<string, Schema>;
  /** what `info.version` says: the server's git version */
  readonly version: string;
}

const unauthorized = { 401: { description: 'Unauthorized' } };
const bearerToken = { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' };

export function writeV3({ paths, schemas, version }: DocumentSource): Schema {
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths: writePaths(paths, parameterV3, operationV3),
    components: { schemas: collect(paths, schemas, V3), securitySchemes: { BearerToken: bearerToken } },
  };
}

export function writeV2({ paths, schemas, version }: DocumentSource): Schema {
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version },
    paths: writePaths(paths, parameterV2, operationV2),
    definitions: collect(paths, schemas, V2),
    securityDefinitions: { BearerToken: bearerToken },
    security: [{ BearerToken: [] }],
  };
}

function collect(paths: readonly PathItem[], schemas: ReadonlyMap<string, Schema>, dialect: Dialect): Schema {
  const own = new Map(schemas);
  addModels(modelsOf(paths).concat([...schemas.values()].flatMap((s) => refsIn(s, dialect))), dialect, own);
  return Object.fromEntries([...own].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function modelsOf(paths: readonly PathItem[]): string[] {
  const models = new Set<string>();
  for (const { operations } of paths) {
    for (const operation of operations) {
      if (operation.body) models.add(operation.body.model);
      for (const { model } of Object.values(operation.responses)) if (model !== 'string') models.add(model);
    }
  }
  return [...models];
}

/** Names of models that a foreign schema refers to. */
function refsIn(schema: unknown, dialect: Dialect): string[] {
  if (Array.isArray(schema)) return schema.flatMap((s) => refsIn(s, dialect));
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]: [string, unknown]) =>
    key === '$ref' && typeof value === 'string' && value.startsWith(dialect.refPrefix)
      ? [value.slice(dialect.refPrefix.length)]
      : refsIn(value, dialect),
  );
}

function writePaths(
  paths: readonly PathItem[],
  writeParameter: (p: Parameter) => Schema,
  writeOperation: (o: Operation, own: Schema[]) => Schema,
): Schema {
  const written = paths.map(({ path, operations }): [string, Schema] => {
    const shared = sharedParameters(operations.map((o) => o.parameters));
    const item: Schema = {};
    for (const operation of operations) {
      const own = operation.parameters.filter((p) => !shared.some((s) => isSame(s, p)));
      item[operation.method] = writeOperation(operation, [...own].sort(byName).map(writeParameter));
    }
    if (shared.length > 0) item.parameters = shared.sort(byName).map(writeParameter);
    return [path, item];
  });
  return Object.fromEntries(written.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function extensionsOf(operation: Operation): Schema {
  return {
    ...(operation.action && { 'x-kubernetes-action': operation.action }),
    ...(operation.kind && operation.action && { 'x-kubernetes-group-version-kind': operation.kind }),
  };
}

function modelRef(model: string, dialect: Dialect): Schema {
  return model === 'string' ? { type: 'string' } : refTo(model, dialect);
}

function parameterV3({ name, in: place, type }: Parameter): Schema {
  return { name, in: place, ...(place === 'path' && { required: true }), schema: { type, uniqueItems: true } };
}

function operationV3(operation: Operation, parameters: Schema[]): Schema {
  const content = (types: readonly string[], model: string) =>
    Object.fromEntries(types.map((t) => [t, { schema: modelRef(model, V3) }]));
  const responses = Object.entries(operation.responses).map(([code, r]) => [
    code,
    { description: r.description, content: content(operation.produces, r.model) },
  ]);
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.id,
    ...(parameters.length > 0 && { parameters }),
    ...(operation.body && {
      requestBody: {
        content: content(operation.body.consumes, operation.body.model),
        ...(operation.body.required && { required: true }),
      },
    }),
    responses: { ...Object.fromEntries(responses), ...unauthorized },
    ...extensionsOf(operation),
  };
}

function parameterV2({ name, in: place, type }: Parameter): Schema {
  return { uniqueItems: true, type, name, in: place, ...(place === 'path' && { required: true }) };
}

function operationV2(operation: Operation, parameters: Schema[]): Schema {
  const body = operation.body && {
    name: 'body',
    in: 'body',
    ...(operation.body.required && { required: true }),
    schema: refTo(operation.body.model, V2),
  };
  const responses = Object.entries(operation.responses).map(([code, r]) => [
    code,
    { description: r.description, schema: modelRef(r.model, V2) },
  ]);
  return {
    description: operation.description,
    consumes: operation.body?.consumes ?? ['*/*'],
    produces: operation.produces,
    schemes: ['https'],
    tags: [operation.tag],
    operationId: operation.id,
    ...((body || parameters.length > 0) && { parameters: [...(body ? [body] : []), ...parameters] }),
    responses: { ...Object.fromEntries(responses), ...unauthorized },
    ...extensionsOf(operation),
  };
}
