import { applyPatch } from '@nodeless/apimachinery/apply/apply-patch';
import { deepCopy } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { badRequest, conflict } from '@nodeless/apimachinery/status';
import type { RegistryCore } from './core.ts';
import { fieldContext, trackUpdate } from './managed-fields.ts';
import { dropRepeatedOwners, matchName, matchNamespace, metadataOf, wipeSystemFields } from './object-meta.ts';
import { checkWriteOptions } from './options-validation.ts';
import { createPatcher } from './patch-body.ts';
import { checkRevision } from './prepare-update.ts';
import type { PatchOptions, RequestBody, RequestScope, WireValue, WriteResult } from './registry.ts';
import { type Transform, guaranteedUpdate } from './update.ts';
import { type WriteRequest, beginWrite, fillDefaults } from './write-request.ts';

/** PATCH of an object, or of one of its doors, in all four forms. */
export async function patch(
  core: RegistryCore,
  scope: RequestScope,
  body: RequestBody,
  options: PatchOptions,
): Promise<WriteResult> {
  const endpoint = core.endpoints.of(scope);
  checkWriteOptions('PatchOptions', scope, options);
  const request = beginWrite(scope, endpoint, () => core.clock.now());
  if (options.type === 'apply') {
    // subresources never create
    return guaranteedUpdate(
      core,
      request,
      { allowCreate: scope.subresource === '' },
      applyTransform(request, body, options.force === true),
    );
  }
  const patcher = createPatcher(body, options.type, endpoint.served, request);
  return guaranteedUpdate(core, request, { allowCreate: false }, (old, entry) => {
    const object = endpoint.toStorage(patcher(endpoint.fromStorage(old!)));
    fillDefaults(request, object);
    checkPlace(request, object);
    checkRevision(request, object, entry!);
    trackUpdate(request, old, object);
    return object;
  });
}

/** A patch cannot move an object. */
function checkPlace({ endpoint, scope, warn }: WriteRequest, object: UnknownObject): void {
  const metadata = metadataOf(object);
  matchNamespace(metadata, endpoint.served.namespaced, scope.namespace);
  matchName(metadata, scope.name);
  dropRepeatedOwners(metadata, '', warn);
}

function applyTransform(request: WriteRequest, body: RequestBody, force: boolean): Transform {
  const { endpoint, scope, manager } = request;
  let configuration: Record<string, unknown> | undefined;
  return (old, entry) => {
    configuration ??= readConfiguration(request, body);
    const live = old && endpoint.fromStorage(old);
    const applied = applyPatch({
      ...fieldContext(request),
      live,
      patch: configuration,
      manager,
      force,
      kind: endpoint.served.kind,
    });
    // it may share frozen parts with the live object, and defaults are filled in place
    const object = endpoint.toStorage(deepCopy(applied.object) as UnknownObject);
    fillDefaults(request, object);
    const metadata = metadataOf(object);
    if (!old) {
      if (metadata.uid)
        throw conflict(
          scope,
          scope.name,
          `uid mismatch: the provided object specified uid ${metadata.uid}, and no existing object was found`,
        );
      wipeSystemFields(metadata);
    }
    checkPlace(request, object);
    if (entry) checkRevision(request, object, entry);
    return object;
  };
}

/** The body of an apply. @throws ApiError 400 */
export function readConfiguration({ fieldValidation, warn }: WriteRequest, body: RequestBody): Record<string, unknown> {
  if (body.form === 'object') return body.object;
  let wire: WireValue;
  try {
    wire = body.read();
  } catch (error) {
    throw badRequest(
      `error decoding YAML: error converting YAML to JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const { value } = wire;
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    const kind = Array.isArray(value)
      ? 'array'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value === 'string'
          ? 'string'
          : 'number';
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`,
    );
  }
  const problems = fieldValidation === 'Ignore' ? [] : (wire.problems ?? []);
  if (problems.length > 0) {
    const text = `error converting YAML to JSON: yaml: unmarshal errors:\n${problems.map((p) => `  ${p}`).join('\n')}`;
    if (fieldValidation === 'Strict') throw badRequest(`error strict decoding YAML: ${text}`);
    warn(text);
  }
  return value;
}
