import type { PodRef } from '../provider.ts';
import type { ContainerKind } from '../../runtime/container-runtime.ts';

/** Everything that must be known of a container after this process has ended stands in its labels. */
export const label = {
  cluster: 'nodeless.dev/cluster',
  role: 'nodeless.dev/role',
  node: 'nodeless.dev/node',
  namespace: 'nodeless.dev/pod-namespace',
  pod: 'nodeless.dev/pod-name',
  uid: 'nodeless.dev/pod-uid',
  container: 'nodeless.dev/container',
  kind: 'nodeless.dev/kind',
  attempt: 'nodeless.dev/attempt',
  sandbox: 'nodeless.dev/sandbox',
  specHash: 'nodeless.dev/spec-hash',
  backoff: 'nodeless.dev/backoff-ms',
  terminationFile: 'nodeless.dev/termination-file',
  terminationPolicy: 'nodeless.dev/termination-policy',
  addresses: 'nodeless.dev/addresses',
  hostPorts: 'nodeless.dev/host-ports',
  tty: 'nodeless.dev/tty',
  settings: 'nodeless.dev/settings',
} as const;

export type Role = 'node' | 'sandbox' | 'container';
export type Labels = Readonly<Record<string, string>>;

export function podLabels(cluster: string, role: Role, nodeName: string, ref: PodRef): Record<string, string> {
  return {
    [label.cluster]: cluster,
    [label.role]: role,
    [label.node]: nodeName,
    [label.namespace]: ref.namespace,
    [label.pod]: ref.name,
    [label.uid]: ref.uid,
  };
}

export function refFromLabels(labels: Labels): PodRef | undefined {
  const namespace = labels[label.namespace];
  const name = labels[label.pod];
  const uid = labels[label.uid];
  return namespace === undefined || name === undefined || uid === undefined ? undefined : { namespace, name, uid };
}

export function kindFromLabels(labels: Labels): ContainerKind {
  const kind = labels[label.kind];
  return kind === 'init' || kind === 'ephemeral' ? kind : 'regular';
}

export function numberLabel(labels: Labels, name: string): number {
  const value = Number(labels[name]);
  return Number.isFinite(value) ? value : 0;
}

/** A readable, unique engine name: `nodeless-c1.default.web-7d4b.app.0.1f0c…`. */
export function containerName(cluster: string, ref: PodRef, container: string, attempt: number): string {
  return `nodeless-${cluster}.${ref.namespace}.${ref.name}.${container}.${attempt}.${ref.uid}`;
}
