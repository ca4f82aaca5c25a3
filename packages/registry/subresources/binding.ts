import type { Binding, Pod, PodCondition } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { aggregate, formatFieldError, notSupported, required } from '@nodeless/apimachinery/field-errors';
import { ApiError, conflict, notFound } from '@nodeless/apimachinery/status';
import { isStoreError } from '@nodeless/store/store';
import { decodeBody } from '../body-decoder.ts';
import { type RegistryCore, attributesOf } from '../core.ts';
import { derivedScope } from '../derived-scope.ts';
import { timestamp } from '../deletion.ts';
import type { RequestBody, RequestScope, WriteResult } from '../registry.ts';
import { draftOf, objectOf, sealDraft } from '../stored-value.ts';
import { storeFailure } from '../store-errors.ts';
import { successStatus } from '../success.ts';
import { admitPosted, decodePosted } from './posted-body.ts';
import type { SubresourceHandler } from './subresources.ts';

const maxAttempts = 100;

/** POST to /bindings: the older way to say the same. The body names the pod. */
export async function createLegacyBinding(
  core: RegistryCore,
  binding: SubresourceHandler,
  scope: RequestScope,
  body: RequestBody,
): Promise<WriteResult> {
  const served = core.endpoints.served(scope.group, scope.version, scope.resource);
  const fieldValidation = (scope.fieldValidation || 'Warn') as 'Ignore' | 'Warn' | 'Strict';
  const object = decodeBody(body, served, { fieldValidation, warn: (text) => scope.warn(text) });
  const of = derivedScope(scope, { resource: 'pods', subresource: 'binding', name: object.metadata?.name ?? '' });
  return binding.create!(of, { form: 'object', object });
}

/** pods/binding: what a scheduler posts to give a pod its node (registry/core/pod/storage BindingREST). */
export function createBinding(core: RegistryCore): SubresourceHandler {
  return {
    async create(scope, body) {
      const { endpoint, object, dryRun } = decodePosted(core, scope, body);
      const binding = object as unknown as Binding;
      checkBinding(binding);
      await admitPosted(core, scope, endpoint, object, dryRun);
      const key = endpoint.key(scope.namespace, scope.name);
      for (let attempt = 1; ; attempt++) {
        const entry = await core.store.get(key);
        if (!entry) throw notFound(scope, scope.name);
        const pod = bind(objectOf(entry.value) as Pod, binding, core.clock.now()) as UnknownObject;
        if (dryRun) break;
        const draft = draftOf(pod, endpoint.storageType);
        try {
          await core.store.commit([
            {
              type: 'put',
              key,
              expected: entry.revision,
              attributes: attributesOf(endpoint, pod),
              value: (revision) => sealDraft(draft, pod, revision),
            },
          ]);
          break;
        } catch (error) {
          const lost = isStoreError(error, 'conflict') || isStoreError(error, 'missing');
          if (!lost || attempt >= maxAttempts) throw storeFailure(error);
        }
      }
      return { code: 201, result: successStatus(undefined, 201) };
    },
  };
}

function checkBinding(binding: Binding): void {
  const errors = [];
  const { kind, name } = binding.target ?? {};
  if (kind && kind !== 'Node') errors.push(notSupported('target.kind', kind, ['Node', '<empty>']));
  if (!name) errors.push(required('target.name'));
  // upstream answers with a plain error here
  if (errors.length > 0) throw new ApiError({ code: 500, message: aggregate(errors.map(formatFieldError)) });
}

/** The pod on its node. @throws ApiError 409 */
function bind(pod: Readonly<Pod>, binding: Binding, now: number): Pod {
  const { metadata = {}, spec, status } = pod;
  const { name = '', uid, resourceVersion } = metadata;
  const refuse = (cause: string): ApiError => conflict({ group: '', resource: 'pods/binding' }, name, cause);
  const { uid: wantedUid, resourceVersion: wantedRevision, annotations, labels } = binding.metadata ?? {};
  if (wantedUid && wantedUid !== uid)
    throw refuse(`Precondition failed: UID in precondition: ${wantedUid}, UID in object meta: ${uid}`);
  if (wantedRevision && wantedRevision !== resourceVersion) {
    throw refuse(
      `Precondition failed: ResourceVersion in precondition: ${wantedRevision}, ResourceVersion in object meta: ${resourceVersion}`,
    );
  }
  if (metadata.deletionTimestamp !== undefined)
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (spec?.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`);
  if (spec?.schedulingGates && spec.schedulingGates.length > 0)
    throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  const scheduled: PodCondition = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null as never,
    lastTransitionTime: timestamp(now),
  };
  const conditions = status?.conditions ?? [];
  const before = conditions.find((c) => c.type === 'PodScheduled');
  return {
    ...pod,
    metadata: {
      ...metadata,
      ...(annotations && { annotations: { ...metadata.annotations, ...annotations } }),
      ...(labels && { labels: { ...metadata.labels, ...labels } }),
    },
    spec: { ...spec!, nodeName: binding.target!.name! },
    status: {
      ...status,
      conditions: before?.status === 'True' ? conditions : [...conditions.filter((c) => c !== before), scheduled],
    },
  };
}
