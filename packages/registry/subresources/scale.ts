import type { Scale } from '@nodeless/apimachinery/generated/types/autoscaling/v1';
import { invalidValue } from '@nodeless/apimachinery/field-errors';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { findType } from '@nodeless/apimachinery/schema';
import { type FieldError, invalid } from '@nodeless/apimachinery/status';
import { deepCopy } from '@nodeless/apimachinery/equality';
import { decodeBody } from '../body-decoder.ts';
import type { RegistryCore } from '../core.ts';
import { ObjectEncoded } from '../encoded.ts';
import { type Endpoint, noSuchResource } from '../endpoint.ts';
import { trackUpdate } from '../managed-fields.ts';
import { matchName, matchNamespace, metadataOf } from '../object-meta.ts';
import { checkWriteOptions } from '../options-validation.ts';
import { createPatcher } from '../patch-body.ts';
import { checkRevision } from '../prepare-update.ts';
import { getEntry } from '../read.ts';
import type { Encoded, RequestScope, WriteResult } from '../registry.ts';
import type { ScaleAccess } from '../resource.ts';
import { objectOf } from '../stored-value.ts';
import { guaranteedUpdate } from '../update.ts';
import { type WriteRequest, beginWrite } from '../write-request.ts';
import type { SubresourceHandler } from './subresources.ts';

const scaleKind = { group: 'autoscaling', version: 'v1', apiVersion: 'autoscaling/v1', kind: 'Scale', model: 'io.k8s.api.autoscaling.v1.Scale' };
const scaleType = findType(scaleKind.model);

/** /scale: the desired count of anything that has one, in one shape. */
export function createScale(core: RegistryCore): SubresourceHandler {
  const accessOf = (endpoint: Endpoint): ScaleAccess => {
    const access = endpoint.served.definition.scale;
    if (!access) throw noSuchResource();
    return access;
  };

  /** `change` makes the new Scale of the current one; called again when somebody else was faster. */
  const write = async (scope: RequestScope, change: (current: Scale, request: WriteRequest) => Scale): Promise<WriteResult> => {
    const endpoint = core.endpoints.of(scope);
    const access = accessOf(endpoint);
    const request: WriteRequest = {
      ...beginWrite(scope, endpoint, () => core.clock.now(), endpoint.strategy),
      present: (object) => scaleOf(object, access) as UnknownObject,
    };
    const written = await guaranteedUpdate(core, request, { allowCreate: false }, (old, entry) => {
      const scale = change(scaleOf(old!, access), request);
      checkScale(scale, scope);
      const object = deepCopy(old!) as UnknownObject;
      object.metadata = { ...object.metadata, resourceVersion: scale.metadata?.resourceVersion };
      checkRevision(request, object, entry!);
      access.setReplicas(object, scale.spec?.replicas ?? 0);
      trackUpdate(request, old, object);
      return object;
    });
    return { code: 200, result: encoded(written.result.stored(), access) };
  };

  return {
    async get(scope) {
      const endpoint = core.endpoints.of(scope);
      const access = accessOf(endpoint);
      return encoded(objectOf((await getEntry(core, scope, endpoint)).value), access);
    },
    async update(scope, body) {
      checkWriteOptions('UpdateOptions', scope);
      return write(
        scope,
        (_current, request) => {
          const scale = decodeBody(body, scaleKind, request);
          matchNamespace(metadataOf(scale), request.endpoint.served.namespaced, scope.namespace);
          matchName(metadataOf(scale), scope.name);
          return scale as Scale;
        },
      );
    },
    async patch(scope, body, options) {
      checkWriteOptions('PatchOptions', scope, options);
      return write(
        scope,
        (current, request) => {
          const patcher = createPatcher(body, options.type === 'apply' ? 'merge' : options.type, scaleKind, request);
          return patcher(current as UnknownObject) as Scale;
        },
      );
    },
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
