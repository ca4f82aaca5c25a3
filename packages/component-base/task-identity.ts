/**
 * Whose an ECS task is. Tags are not part of ECS' events, overrides are: so a task says it in a variable of its agent's
 * environment, which the dispatcher of events and the virtual kubelet both read.
 */
export interface TaskIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  /** From 0: how often a task had been started for this pod before. */
  readonly attempt: number;
  /** Names of the pod's init containers. */
  readonly init: readonly string[];
}

export const identityVariable = 'NODELESS_TASK';

export function formatIdentity(identity: TaskIdentity): string {
  const { namespace, name, uid, node, attempt, init } = identity;
  return JSON.stringify({ ns: namespace, name, uid, node, n: attempt, ...(init.length > 0 ? { init } : {}) });
}

/** Of a task as DescribeTasks answers it or as `detail` of a "ECS Task State Change" has it. undefined = none of ours. */
export function taskIdentity(task: unknown): TaskIdentity | undefined {
  const overrides = (task as { overrides?: { containerOverrides?: unknown } } | undefined)?.overrides
    ?.containerOverrides;
  if (!Array.isArray(overrides)) return undefined;
  for (const override of overrides as { environment?: unknown }[]) {
    if (!Array.isArray(override.environment)) continue;
    const entry = (override.environment as { name?: string; value?: string }[]).find(
      (e) => e.name === identityVariable,
    );
    if (entry?.value !== undefined) return parse(entry.value);
  }
  return undefined;
}

/**
 * The request that an event "ECS Task State Change" makes of the virtual kubelet, with the task as its hint; undefined = none of
 * ours. Of the overrides only the identity goes on: the rest is the pod's own business.
 */
export function taskRequest(
  detail: unknown,
): { readonly namespace: string; readonly name: string; readonly hint: unknown } | undefined {
  const identity = taskIdentity(detail);
  if (!identity) return undefined;
  const environment = [{ name: identityVariable, value: formatIdentity(identity) }];
  const hint = { ...(detail as object), overrides: { containerOverrides: [{ environment }] } };
  return { namespace: identity.namespace, name: identity.name, hint };
}

function parse(text: string): TaskIdentity | undefined {
  try {
    const { ns, name, uid, node, n, init } = JSON.parse(text) as Record<string, unknown>;
    if (typeof ns !== 'string' || typeof name !== 'string' || typeof uid !== 'string') return undefined;
    return {
      namespace: ns,
      name,
      uid,
      node: typeof node === 'string' ? node : '',
      attempt: typeof n === 'number' ? n : 0,
      init: Array.isArray(init) ? (init as string[]) : [],
    };
  } catch {
    return undefined;
  }
}
