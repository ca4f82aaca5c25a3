/** A registry over the memory store, with everything allowed unless a test says otherwise. */
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { parseJson } from '@nodeless/apimachinery/json';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { ApiError } from '@nodeless/apimachinery/status';
import type { AdmissionPlugin } from '@nodeless/registry/admission/admission';
import type { Authorizer } from '@nodeless/registry/authorization/authorizer';
import { type RegistryOptions, createRegistry } from '@nodeless/registry/create-registry';
import { createInlineClient } from '@nodeless/registry/inline-client';
import type { RequestBody, RequestScope } from '@nodeless/registry/registry';
import type { KindDefinition } from '@nodeless/registry/resource';
import { createResourceTable } from '@nodeless/registry/resource-table';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';

export const allowAll: Authorizer = { authorize: () => ({ decision: 'allow', reason: '' }) };
export const tester = { name: 'tester', groups: ['system:authenticated'] };

export interface HarnessOptions extends Partial<RegistryOptions> {
  readonly kinds?: readonly KindDefinition[];
  readonly historyMs?: number;
}

export function createHarness(options: HarnessOptions = {}) {
  const clock = createManualClock();
  const store = createMemoryStore({ clock, historyMs: options.historyMs });
  const admission: AdmissionPlugin[] = [...(options.admission ?? [])];
  const authorizer = options.authorizer ?? allowAll;
  const resources = createResourceTable({ kinds: options.kinds ?? [] });
  const registry = createRegistry({ store, resources, clock, ...options, admission, authorizer });
  const client = createInlineClient({ registry, authorizer, user: tester, fieldManager: 'tester' });
  return { clock, store, admission, resources, registry, client };
}

export interface TestScope extends RequestScope {
  readonly warnings: string[];
  readonly annotations: Record<string, string>;
}

/** `scope('configmaps', 'a')`, `scope('apps/v1/deployments', 'd', { subresource: 'status' })`. Namespace `default` unless said. */
export function scope(resource: string, name = '', more: Partial<RequestScope> = {}): TestScope {
  const parts = resource.split('/');
  const [group, version, plural] = parts.length === 1 ? ['', 'v1', resource] : (parts as [string, string, string]);
  const warnings: string[] = [];
  const annotations: Record<string, string> = {};
  return {
    user: tester,
    group,
    version,
    resource: plural,
    subresource: '',
    namespace: 'default',
    name,
    userAgent: 'tester/1.0',
    warn: (text) => void warnings.push(text),
    annotate: (key, value) => void (annotations[key] = value),
    warnings,
    annotations,
    ...more,
  };
}

/** A body as HTTP would bring it. */
export function wire(value: unknown): RequestBody {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return { form: 'wire', raw: Buffer.from(text), read: () => parseJson(text) };
}

export function configMap(name: string, more: Record<string, unknown> = {}): UnknownObject {
  const { metadata, ...rest } = more as { metadata?: object };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data: { a: 'b' }, ...rest };
}

export function json(encoded: { bytes(): Uint8Array }): UnknownObject {
  return JSON.parse(Buffer.from(encoded.bytes()).toString()) as UnknownObject;
}

/** The Status that a call is refused with. */
export async function refusal(call: Promise<unknown>): Promise<ApiError['status']> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ApiError) return error.status;
    throw error;
  }
  throw new Error('was not refused');
}
