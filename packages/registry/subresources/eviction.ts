import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Eviction, PodDisruptionBudget } from '@nodeless/apimachinery/generated/types/policy/v1';
import { matchesSelector, selectorOf } from '@nodeless/apimachinery/labels';
import { ApiError, badRequest, forbidden, isConflict } from '@nodeless/apimachinery/status';
import type { RegistryCore } from '../core.ts';
import { deleteObject } from '../delete.ts';
import { timestamp } from '../deletion.ts';
import { derivedScope } from '../derived-scope.ts';
import { checkDeleteOptions } from '../options-validation.ts';
import { getEntry } from '../read.ts';
import type { DeleteOptions, RequestScope } from '../registry.ts';
import { successStatus } from '../success.ts';
import { objectOf } from '../stored-value.ts';
import { update } from '../update.ts';
import { admitPosted, decodePosted } from './posted-body.ts';
import type { SubresourceHandler } from './subresources.ts';

const maxAttempts = 20;
/** More evictions than this that the budget's controller has not seen yet, and it is not asked any further. */
const maxDisruptedPods = 2000;
const budgets = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' };
const refusal = "Cannot evict pod as it would violate the pod's disruption budget.";

/** pods/eviction: a delete that keeps to disruption budgets (registry/core/pod/storage/eviction.go). */
export function createEviction(core: RegistryCore): SubresourceHandler {
  return {
    async create(scope, body) {
      const { endpoint, object, dryRun } = decodePosted(core, scope, body);
      const eviction = object as Eviction;
      if (eviction.metadata?.name !== scope.name)
        throw badRequest('name in URL does not match name in Eviction object');
      const sent = (eviction.deleteOptions ?? {}) as DeleteOptions;
      const options: DeleteOptions = dryRun && !sent.dryRun?.length ? { ...sent, dryRun: scope.dryRun } : sent;
      checkDeleteOptions(options);
      await admitPosted(core, scope, endpoint, object, dryRun);
      for (let attempt = 1; ; attempt++) {
        const pod = objectOf((await getEntry(core, scope, endpoint)).value) as Pod;
        const pinned = await mayEvict(core, scope, pod, options);
        const preconditions = {
          ...options.preconditions,
          ...(pinned && { resourceVersion: pod.metadata!.resourceVersion! }),
        };
        try {
          await deleteObject(
            core,
            derivedScope(scope, { subresource: '' }),
            endpoint,
            { ...options, preconditions },
            false,
          );
          return { code: 201, result: successStatus(undefined, 201) };
        } catch (error) {
          // what the decision was based on has changed: decide again, unless the client named a revision itself
          if (!pinned || !isConflict(error) || options.preconditions?.resourceVersion !== undefined) throw error;
          if (options.preconditions?.uid !== undefined && options.preconditions.uid !== pod.metadata?.uid) throw error;
          if (attempt >= maxAttempts) throw busy(pod.metadata?.name ?? '');
        }
      }
    },
  };
}

/** Resolves to whether the pod must not change before it is deleted. @throws ApiError 429 where a budget forbids it */
async function mayEvict(core: RegistryCore, scope: RequestScope, pod: Pod, options: DeleteOptions): Promise<boolean> {
  const { phase } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed' || pod.metadata?.deletionTimestamp !== undefined) return false;
  // it does not run yet, so it is in nobody's count
  if (phase === 'Pending') return true;
  const matching = await budgetsOf(core, pod);
  if (matching.length > 1) {
    const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw new ApiError({ code: 500, message });
  }
  const [budget] = matching;
  if (!budget) return false;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  if (!isReady(pod)) {
    if (budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
    if (currentHealthy >= desiredHealthy && desiredHealthy > 0) return true;
  }
  await take(core, scope, budget, pod.metadata?.name ?? '', (options.dryRun?.length ?? 0) > 0);
  return false;
}

async function budgetsOf(core: RegistryCore, pod: Pod): Promise<PodDisruptionBudget[]> {
  const all = (await core.reader.list(
    'policy',
    'poddisruptionbudgets',
    pod.metadata?.namespace,
  )) as readonly PodDisruptionBudget[];
  return all.filter((budget) => {
    try {
      const selector = selectorOf(budget.spec?.selector);
      return selector !== undefined && matchesSelector(selector, pod.metadata?.labels);
    } catch {
      return false; // a selector that is not valid selects nothing
    }
  });
}

/** Takes one disruption out of the budget, telling its controller which pod will go. */
async function take(
  core: RegistryCore,
  scope: RequestScope,
  first: PodDisruptionBudget,
  podName: string,
  dryRun: boolean,
): Promise<void> {
  let budget = first;
  for (let attempt = 1; ; attempt++) {
    const next = disrupted(budget, podName, core.clock.now());
    if (dryRun) return;
    const { name = '', namespace = '' } = budget.metadata ?? {};
    try {
      const write = derivedScope(scope, {
        ...budgets,
        subresource: 'status',
        namespace,
        name,
        dryRun: undefined,
        fieldValidation: 'Ignore',
      });
      await update(core, write, { form: 'object', object: next as never });
      return;
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (attempt >= maxAttempts) {
        throw new ApiError({
          code: 504,
          reason: 'Timeout',
          message: `Timeout: couldn't update PodDisruptionBudget ${JSON.stringify(name)} due to conflicts`,
        });
      }
      budget = (await core.reader.get('policy', 'poddisruptionbudgets', namespace, name)) as PodDisruptionBudget;
    }
  }
}

function disrupted(budget: PodDisruptionBudget, podName: string, now: number): PodDisruptionBudget {
  const { metadata = {}, status } = budget;
  const { name = '' } = metadata;
  const {
    observedGeneration = 0,
    disruptionsAllowed = 0,
    disruptedPods = {},
    desiredHealthy = 0,
    currentHealthy = 0,
  } = status ?? {};
  if (observedGeneration < (metadata.generation ?? 0)) throw busy(name);
  const about = { group: 'policy', resource: 'poddisruptionbudget' };
  if (disruptionsAllowed < 0) throw forbidden(about, name, 'pdb disruptions allowed is negative');
  if (Object.keys(disruptedPods).length > maxDisruptedPods) {
    throw forbidden(about, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (disruptionsAllowed === 0) {
    throw tooMany(
      `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
    );
  }
  const left = disruptionsAllowed - 1;
  const conditions = (status?.conditions ?? []).filter((c) => left > 0 || c.type !== 'DisruptionAllowed');
  if (left === 0) {
    const lastTransitionTime = timestamp(now);
    conditions.push({
      type: 'DisruptionAllowed',
      status: 'False',
      observedGeneration,
      lastTransitionTime,
      reason: 'InsufficientPods',
      message: '',
    });
  }
  return {
    ...budget,
    status: {
      ...status!,
      disruptionsAllowed: left,
      disruptedPods: { ...disruptedPods, [podName]: timestamp(now) },
      conditions,
    },
  };
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}

function busy(budget: string): ApiError {
  return tooMany(`The disruption budget ${budget} is still being processed by the server.`, 10);
}

function tooMany(cause: string, retryAfterSeconds?: number): ApiError {
  const causes = [{ reason: 'DisruptionBudget', message: cause }];
  return new ApiError({
    code: 429,
    reason: 'TooManyRequests',
    message: refusal,
    details: { causes, ...(retryAfterSeconds && { retryAfterSeconds }) },
  });
}
