import type { Scale } from '@nodeless/apimachinery/generated/types/autoscaling/v1';
import { applyPatch } from '@nodeless/apimachinery/apply/apply-patch';
import { invalidValue } from '@nodeless/apimachinery/field-errors';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { findType } from '@nodeless/apimachinery/schema';
import { type FieldError, badRequest, invalid } from '@nodeless/apimachinery/status';
import { deepCopy } from '@nodeless/apimachinery/equality';
import { decodeBody } from '../body-decoder.ts';
import type { RegistryCore } from '../core.ts';
import { ObjectEncoded } from '../encoded.ts';
import { type Endpoint, noSuchResource } from '../endpoint.ts';
import { fieldContext, trackUpdate } from '../managed-fields.ts';
import { matchName, matchNamespace, metadataOf } from '../object-meta.ts';
import { checkWriteOptions } from '../options-validation.ts';
import { readConfiguration } from '../patch.ts';
import { createPatcher } from '../patch-body.ts';
import { checkRevision } from '../prepare-update.ts';
import { getEntry } from '../read.ts';
import type { Encoded, RequestBody, RequestScope, WriteResult } from '../registry.ts';
import type { ScaleAccess } from '../resource.ts';
import { objectOf } from '../stored-value.ts';
import { type Transform, guaranteedUpdate } from '../update.ts';
import { type WriteRequest, beginWrite } from '../write-request.ts';
import type { SubresourceHandler } from './subresources.ts';

const scaleKind = {
  group: 'autoscaling',
  version: 'v1',
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  model: 'io.k8s.api.autoscaling.v1.Scale',
};
const scaleType = findType(scaleKind.model);

/** /scale: the desired count of anything that has one, in one shape. */
export function createScale(core: RegistryCore): SubresourceHandler {
  const accessOf = (endpoint: Endpoint): ScaleAccess => {
    const access = endpoint.served.definition.scale;
    if (!access) throw noSuchResource();
    return access;
  };

  const write = async (
    scope: RequestScope,
    transformOf: (request: WriteRequest, access: ScaleAccess) => Transform,
  ): Promise<WriteResult> => {
    const endpoint = core.endpoints.of(scope);
    const access = accessOf(endpoint);
    const request: WriteRequest = {
      ...beginWrite(scope, endpoint, () => core.clock.now(), endpoint.strategy),
      present: (object) => scaleOf(object, access) as UnknownObject,
    };
    const written = await guaranteedUpdate(core, request, { allowCreate: false }, transformOf(request, access));
    return { code: 200, result: encoded(written.result.stored(), access) };
  };

  /** `change` makes the new Scale of the current one; called again when somebody else was faster. */
  const changing =
    (change: (current: Scale, request: WriteRequest) => Scale) =>
    (request: WriteRequest, access: ScaleAccess): Transform =>
    (old, entry) => {
      const scale = change(scaleOf(old!, access), request);
      checkScale(scale, request.scope);
      const object = deepCopy(old!) as UnknownObject;
      object.metadata = { ...object.metadata, resourceVersion: scale.metadata?.resourceVersion };
      checkRevision(request, object, entry!);
      access.setReplicas(object, scale.spec?.replicas ?? 0);
      trackUpdate(request, old, object);
      return object;
    };

  return {
    async get(scope) {
      const endpoint = core.endpoints.of(scope);
      const access = accessOf(endpoint);
      return encoded(objectOf((await getEntry(core, scope, endpoint)).value), access);
    },
    async update(scope, body) {
      checkWriteOptions('UpdateOptions', scope);
      const replace = changing((_current, request) => {
        const scale = decodeBody(body, scaleKind, request);
        matchNamespace(metadataOf(scale), request.endpoint.served.namespaced, scope.namespace);
        matchName(metadataOf(scale), scope.name);
        return scale as Scale;
      });
      return write(scope, replace);
    },
    async patch(scope, body, options) {
      checkWriteOptions('PatchOptions', scope, options);
      const { type } = options;
      if (type === 'apply') return write(scope, (request) => applyScale(request, body, options.force === true));
      return write(
        scope,
        changing(
          (current, request) => createPatcher(body, type, scaleKind, request)(current as UnknownObject) as Scale,
        ),
      );
    },
  };
}

/** The count applied to the parent, where its managers are recorded. */
function applyScale(request: WriteRequest, body: RequestBody, force: boolean): Transform {
  const { endpoint, scope, manager } = request;
  let configuration: Record<string, unknown> | undefined;
  return (old, entry) => {
    configuration ??= parentConfiguration(request, body);
    const live = endpoint.fromStorage(old!);
    const applied = applyPatch({
      ...fieldContext(request),
      live,
      patch: configuration,
      manager,
      force,
      kind: endpoint.served.kind,
    });
    const object = endpoint.toStorage(deepCopy(applied.object) as UnknownObject);
    const replicas = (configuration.spec as { replicas?: number } | undefined)?.replicas ?? 0;
    checkScale({ spec: { replicas } } as Scale, scope);
    checkRevision(request, object, entry!);
    return object;
  };
}

function parentConfiguration(request: WriteRequest, body: RequestBody): Record<string, unknown> {
  const { endpoint, scope } = request;
  const value = readConfiguration(request, body);
  const { apiVersion, kind } = value as { apiVersion?: unknown; kind?: unknown };
  if (apiVersion !== scaleKind.apiVersion || kind !== scaleKind.kind)
    throw badRequest(`invalid object type: ${String(apiVersion)}, Kind=${String(kind)}`);
  const scale = decodeBody({ form: 'object', object: value as UnknownObject }, scaleKind, request) as Scale;
  matchName(metadataOf(scale as UnknownObject), scope.name);
  const { apiVersion: parentVersion, kind: parentKind } = endpoint.served;
  const replicas = scale.spec?.replicas;
  return {
    apiVersion: parentVersion,
    kind: parentKind,
    metadata: { name: scope.name },
    ...(replicas !== undefined && { spec: { replicas } }),
  };
}

function scaleOf(object: Readonly<UnknownObject>, access: ScaleAccess): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {};
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: access.replicas(object) },
    status: { replicas: access.statusReplicas(object), selector: access.selector(object) },
  };
}

function encoded(object: Readonly<UnknownObject>, access: ScaleAccess): Encoded {
  return new ObjectEncoded(scaleOf(object, access) as UnknownObject, scaleType);
}

function checkScale(scale: Scale, { name }: RequestScope): void {
  const errors: FieldError[] = [];
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0) errors.push(invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0'));
  if (errors.length > 0) throw invalid({ group: 'autoscaling', kind: 'Scale' }, name, errors);
}
