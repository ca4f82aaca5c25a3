import type {
  ConfigMap,
  Container,
  EnvVarSource,
  Pod,
  Secret,
  Service,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { type NodeFacts, podFieldValue, resourceFieldValue } from './downward-api.ts';
import type { ResolvedContainer } from './providers/provider.ts';
import { serviceEnvironment } from './service-environment.ts';
import { expandVariables } from './variable-expansion.ts';

/** What the pod refers to, already read; undefined = it does not exist. */
export interface PodReferences {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
  /** All Services that might matter: those of the pod's namespace and default/kubernetes. */
  readonly services: readonly Service[];
}

/** Environment, command and arguments of one container, or why they cannot be made (in the kubelet's words). */
export function resolveContainer(
  pod: Pod,
  container: Container,
  references: PodReferences,
  node: NodeFacts,
): ResolvedContainer {
  try {
    const { env, secret, own } = resolveEnvironment(pod, container, references, node);
    let commandLine = false;
    const expand = (text: string): string =>
      expandVariables(text, (name) => {
        if (secret.has(name) || own.has(name)) commandLine = true;
        return env.get(name);
      });
    return {
      name: container.name,
      env: [...env].map(([name, value]) => ({ name, value })),
      command: container.command?.length ? container.command.map(expand) : undefined,
      args: container.args?.length ? container.args.map(expand) : undefined,
      ...(secret.size + own.size > 0 ? { particular: { secret: [...secret], own: [...own], commandLine } } : {}),
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      name: container.name,
      env: [],
      command: undefined,
      args: undefined,
      error: { reason: 'CreateContainerConfigError', message },
    };
  }
}

/**
 * Order of precedence: envFrom in turn, then env in turn (which sees everything before it and the Services), then the
 * Services' variables that nothing has set. Variables come out in the order they were first set.
 */
function resolveEnvironment(
  pod: Pod,
  container: Container,
  references: PodReferences,
  node: NodeFacts,
): ResolvedEnvironment {
  const namespace = pod.metadata?.namespace ?? '';
  const services = serviceEnvironment(references.services, namespace, pod.spec?.enableServiceLinks ?? true);
  const env = new Map<string, string>();
  const secret = new Set<string>();
  const own = new Set<string>();
  const mark = (set: Set<string>, name: string, is: boolean): void => void (is ? set.add(name) : set.delete(name));
  for (const from of container.envFrom ?? []) {
    for (const [key, value] of bulkSource(from.configMapRef, from.secretRef, references)) {
      const name = `${from.prefix ?? ''}${key}`;
      if (name === '' || name.includes('=')) continue;
      env.set(name, value);
      mark(secret, name, from.configMapRef === undefined);
    }
  }
  const lookup = (name: string): string | undefined => env.get(name) ?? services.get(name);
  for (const variable of container.env ?? []) {
    let [holdsSecret, holdsOwn] = [false, false];
    if (variable.value) {
      const noted = (name: string): string | undefined => {
        holdsSecret ||= secret.has(name);
        holdsOwn ||= own.has(name);
        return lookup(name);
      };
      env.set(variable.name, expandVariables(variable.value, noted));
    } else if (variable.valueFrom) {
      const value = sourceValue(variable.valueFrom, pod, container, references, node);
      if (value === undefined) continue;
      env.set(variable.name, value);
      holdsSecret = variable.valueFrom.secretKeyRef !== undefined;
      holdsOwn = variable.valueFrom.fieldRef !== undefined && !sharedFields.has(variable.valueFrom.fieldRef.fieldPath);
    } else {
      env.set(variable.name, '');
    }
    mark(secret, variable.name, holdsSecret);
    mark(own, variable.name, holdsOwn);
  }
  for (const [name, value] of services) if (!env.has(name)) env.set(name, value);
  return { env, secret, own };
}

interface ResolvedEnvironment {
  readonly env: Map<string, string>;
  /** Names of variables that hold something of a Secret. */
  readonly secret: ReadonlySet<string>;
  /** Names of variables that hold something that only this pod has. */
  readonly own: ReadonlySet<string>;
}

/** The same in every pod of a template. */
const sharedFields: ReadonlySet<string> = new Set(['metadata.namespace', 'spec.serviceAccountName']);

interface NamedSource {
  readonly name?: string;
  readonly optional?: boolean;
}

function bulkSource(
  configMapRef: NamedSource | undefined,
  secretRef: NamedSource | undefined,
  references: PodReferences,
): readonly [string, string][] {
  const ref = configMapRef ?? secretRef;
  if (!ref) return [];
  const name = ref.name ?? '';
  const object = configMapRef ? references.configMap(name) : references.secret(name);
  if (!object) {
    if (ref.optional) return [];
    throw missing(configMapRef ? 'configmap' : 'secret', name);
  }
  const data = object.data ?? {};
  return Object.keys(data)
    .sort()
    .map((key) => [key, configMapRef ? (data[key] ?? '') : decode(data[key] ?? '')]);
}

/** undefined = an optional source that is not there: the variable is left out. */
function sourceValue(
  source: EnvVarSource,
  pod: Pod,
  container: Container,
  references: PodReferences,
  node: NodeFacts,
): string | undefined {
  if (source.fieldRef) return podFieldValue(source.fieldRef, pod, node);
  if (source.resourceFieldRef) return resourceFieldValue(source.resourceFieldRef, pod, container, node);
  const { configMapKeyRef, secretKeyRef } = source;
  const ref = configMapKeyRef ?? secretKeyRef;
  if (!ref) throw new Error('environment variable source is not supported');
  const name = ref.name ?? '';
  const object = configMapKeyRef ? references.configMap(name) : references.secret(name);
  if (!object) {
    if (ref.optional) return undefined;
    throw missing(configMapKeyRef ? 'configmap' : 'secret', name);
  }
  if (!object.data || !Object.hasOwn(object.data, ref.key)) {
    if (ref.optional) return undefined;
    throw new Error(
      `couldn't find key ${ref.key} in ${configMapKeyRef ? 'ConfigMap' : 'Secret'} ${pod.metadata?.namespace ?? ''}/${name}`,
    );
  }
  const value = object.data[ref.key] ?? '';
  return configMapKeyRef ? value : decode(value);
}

/** The kubelet names the kind in the singular here, unlike the API server. */
export function missing(kind: 'configmap' | 'secret' | 'persistentvolumeclaim', name: string): Error {
  return new Error(`${kind} ${JSON.stringify(name)} not found`);
}

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
