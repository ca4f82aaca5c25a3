/** Fields of containers of every kind. */
import { semanticEqual } from '@nodeless/apimachinery/equality';
import type { Probe } from '@nodeless/apimachinery/generated/types/core/v1';
import type { FieldRule } from './field-rule.ts';
import { isProfile } from './pod-rules.ts';

const at = (rest: string): string => `container.${rest}`;
const hooks = 'nothing in a task can run a hook';
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const execOf = (probe: Probe | undefined): readonly string[] | undefined => probe?.exec?.command;

const oneExec = 'ECS runs one health check in a container';

export const containerRules: readonly FieldRule[] = [
  { path: at('name'), state: 'supported' },
  { path: at('image'), state: 'supported' },
  {
    path: at('imagePullPolicy'),
    state: 'refused',
    only: 'Never',
    test: (value) => value === 'Never',
    reason: 'a task has no images but those it pulls',
    alternative: 'IfNotPresent',
  },
  { path: at('imagePullPolicy'), state: 'supported', reason: 'each task pulls' },
  { path: at('command'), state: 'supported' },
  { path: at('args'), state: 'supported' },
  { path: at('workingDir'), state: 'supported' },
  {
    path: at('ports[*].hostPort'),
    state: 'refused',
    reason: 'a Fargate task has no node',
    alternative: "a Service, or the pod's own address",
  },
  { path: at('ports[*].hostIP'), state: 'refused', reason: 'a Fargate task has no node' },
  {
    path: at('ports[*].protocol'),
    state: 'refused',
    only: 'SCTP',
    test: (value) => value === 'SCTP',
    reason: 'AWS carries no SCTP',
    alternative: 'TCP or UDP',
  },
  { path: at('ports'), state: 'supported', reason: 'every port is reachable at the address of the pod' },
  { path: at('env[*].name'), state: 'supported' },
  { path: at('env[*].value'), state: 'supported' },
  {
    path: at('env[*].valueFrom.fieldRef'),
    state: 'refused',
    only: 'status.podIP and status.podIPs',
    test: (value) => ['status.podIP', 'status.podIPs'].includes((value as { fieldPath?: string })?.fieldPath ?? ''),
    reason: "a task's environment is made before it has an address",
    alternative: 'ask inside of the container (hostname -i, or the metadata at ECS_CONTAINER_METADATA_URI_V4)',
  },
  {
    path: at('env[*].valueFrom.fieldRef'),
    state: 'refused',
    only: 'status.hostIP and status.hostIPs',
    test: (value) => ['status.hostIP', 'status.hostIPs'].includes((value as { fieldPath?: string })?.fieldPath ?? ''),
    reason: 'a Fargate task has no node, and nothing listens at the address of a virtual one',
    alternative: 'a sidecar in place of what runs on each node, reached at localhost',
  },
  {
    path: at('env[*].valueFrom'),
    state: 'supported',
    reason: 'values of Secrets are kept in encrypted parameters, from which ECS reads them',
  },
  {
    path: at('env[*].valueFrom.fileKeyRef'),
    state: 'refused',
    reason: "a task's environment is made before any of its containers runs",
    alternative: 'a ConfigMap or Secret',
  },
  { path: at('envFrom'), state: 'supported', reason: 'as env' },
  { path: at('resources.claims'), state: 'refused', reason: 'Fargate has no devices' },
  {
    path: at('resources.limits'),
    state: 'refused',
    only: 'of devices and huge pages',
    test: (value) => Object.keys((value ?? {}) as object).some((name) => !plainResources.has(name)),
    reason: 'Fargate has CPU, memory and ephemeral storage only',
  },
  {
    path: at('resources'),
    state: 'supported',
    reason:
      'requests are rounded up to the next size of a task, limits of memory are enforced; a limit of CPU is that of the task',
  },
  { path: at('resizePolicy'), state: 'ignored', reason: 'a task keeps its size' },
  { path: at('restartPolicy'), state: 'supported', reason: 'Always makes an init container a sidecar' },
  {
    path: at('restartPolicyRules'),
    state: 'refused',
    reason: 'ECS knows exit codes only as those not to restart after',
    alternative: 'restartPolicy of the pod',
  },
  { path: at('volumeMounts[*].name'), state: 'supported' },
  { path: at('volumeMounts[*].mountPath'), state: 'supported' },
  { path: at('volumeMounts[*].readOnly'), state: 'supported' },
  { path: at('volumeMounts[*].recursiveReadOnly'), state: 'supported', reason: 'nothing is mounted below' },
  {
    path: at('volumeMounts[*].subPath'),
    state: 'refused',
    reason: 'ECS mounts whole volumes',
    alternative: 'mount the volume in a folder of its own, or items and another volume for single files',
  },
  {
    path: at('volumeMounts[*].subPathExpr'),
    state: 'refused',
    reason: 'ECS mounts whole volumes',
    alternative: 'a volume of its own',
  },
  {
    path: at('volumeMounts[*].mountPropagation'),
    state: 'refused',
    only: 'HostToContainer and Bidirectional',
    test: (value) => value === 'HostToContainer' || value === 'Bidirectional',
    reason: 'a Fargate task has no node',
  },
  { path: at('volumeMounts[*].mountPropagation'), state: 'supported' },
  { path: at('volumeDevices'), state: 'refused', reason: 'Fargate has no block devices' },
  {
    path: at('livenessProbe'),
    state: 'refused',
    only: 'exec, beside another command in readinessProbe',
    test: (value, { container }) => differs(execOf(value as Probe), execOf(container?.readinessProbe)),
    reason: oneExec,
    alternative: 'the same command, or one of the two over HTTP, TCP or gRPC',
  },
  {
    path: at('startupProbe'),
    state: 'refused',
    only: 'exec, beside another command in livenessProbe or readinessProbe',
    test: (value, { container }) =>
      differs(execOf(value as Probe), execOf(container?.livenessProbe) ?? execOf(container?.readinessProbe)),
    reason: oneExec,
    alternative: 'the same command, or one of them over HTTP, TCP or gRPC',
  },
  {
    path: at('livenessProbe'),
    state: 'supported',
    reason:
      'http, tcp and grpc by the agent over localhost, exec as the health check of the container; when it fails the task is replaced',
  },
  { path: at('readinessProbe'), state: 'supported', reason: 'as livenessProbe' },
  { path: at('startupProbe'), state: 'supported', reason: 'as livenessProbe' },
  { path: 'probe.exec', state: 'supported', reason: 'period 5 to 300 s, timeout 2 to 60 s, up to 10 failures' },
  {
    path: 'probe.httpGet.host',
    state: 'refused',
    reason: "probes go to the pod's localhost",
    alternative: 'the Host header in httpHeaders',
  },
  { path: 'probe.httpGet', state: 'supported' },
  {
    path: 'probe.tcpSocket.host',
    state: 'refused',
    reason: "probes go to the pod's localhost",
  },
  { path: 'probe.tcpSocket', state: 'supported' },
  { path: 'probe.grpc', state: 'supported' },
  { path: 'probe.initialDelaySeconds', state: 'supported' },
  { path: 'probe.timeoutSeconds', state: 'supported' },
  { path: 'probe.periodSeconds', state: 'supported' },
  { path: 'probe.successThreshold', state: 'supported' },
  { path: 'probe.failureThreshold', state: 'supported' },
  { path: 'probe.terminationGracePeriodSeconds', state: 'ignored', reason: 'the grace of the pod counts' },
  {
    path: at('lifecycle.postStart'),
    state: 'refused',
    reason: hooks,
    alternative: 'let the command of the container do it first',
  },
  { path: at('lifecycle.preStop.sleep'), state: 'supported', reason: 'the task is stopped so much later' },
  {
    path: at('lifecycle.preStop'),
    state: 'refused',
    only: 'exec, httpGet and tcpSocket',
    test: (value) => Object.keys((value ?? {}) as object).some((handler) => handler !== 'sleep'),
    reason: hooks,
    alternative: 'preStop.sleep, or handle SIGTERM in the container',
  },
  { path: at('lifecycle.preStop'), state: 'supported' },
  {
    path: at('lifecycle.stopSignal'),
    state: 'refused',
    reason: "ECS sends the image's own signal",
    alternative: 'STOPSIGNAL in the image',
  },
  { path: at('terminationMessagePath'), state: 'ignored', reason: "nobody can read a container's files" },
  {
    path: at('terminationMessagePolicy'),
    state: 'ignored',
    only: 'FallbackToLogsOnError',
    test: (value) => value === 'FallbackToLogsOnError',
    reason: 'the message of a container that ended is what ECS says of it',
  },
  { path: at('terminationMessagePolicy'), state: 'supported' },
  { path: at('stdin'), state: 'supported' },
  { path: at('stdinOnce'), state: 'ignored', reason: 'nothing attaches to a container' },
  { path: at('tty'), state: 'supported' },
  {
    path: at('securityContext.capabilities.add'),
    state: 'refused',
    only: 'other than SYS_PTRACE',
    test: (value) => list(value).some((name) => !/^(?:CAP_)?SYS_PTRACE$/i.test(String(name))),
    reason: 'Fargate adds no other capability',
  },
  { path: at('securityContext.capabilities'), state: 'supported' },
  { path: at('securityContext.privileged'), state: 'refused', reason: 'Fargate runs no privileged containers' },
  {
    path: at('securityContext.allowPrivilegeEscalation'),
    state: 'ignored',
    only: 'false',
    test: (value) => value === false,
    reason: 'Fargate has no setting for it (no_new_privs)',
  },
  { path: at('securityContext.allowPrivilegeEscalation'), state: 'supported' },
  { path: at('securityContext.runAsUser'), state: 'supported' },
  { path: at('securityContext.runAsGroup'), state: 'supported', reason: 'together with runAsUser' },
  {
    path: at('securityContext.runAsNonRoot'),
    state: 'ignored',
    reason: "nobody looks into the image's user; runAsUser is heeded",
  },
  { path: at('securityContext.readOnlyRootFilesystem'), state: 'supported' },
  {
    path: at('securityContext.procMount'),
    state: 'refused',
    only: 'Unmasked',
    test: (value) => value === 'Unmasked',
    reason: 'Fargate always masks /proc',
  },
  { path: at('securityContext.procMount'), state: 'supported' },
  {
    path: at('securityContext.seccompProfile'),
    state: 'refused',
    only: 'Localhost and Unconfined',
    test: (value) => isProfile(value, ['Localhost', 'Unconfined']),
    reason: 'Fargate has its own profile and takes no other',
    alternative: 'RuntimeDefault',
  },
  { path: at('securityContext.seccompProfile'), state: 'supported', reason: 'RuntimeDefault' },
  {
    path: at('securityContext.appArmorProfile'),
    state: 'refused',
    only: 'Localhost',
    test: (value) => isProfile(value, ['Localhost']),
    reason: 'profiles cannot be loaded on Fargate',
  },
  {
    path: at('securityContext.appArmorProfile'),
    state: 'ignored',
    reason: 'Fargate has no AppArmor; each task has a machine to itself',
  },
  { path: at('securityContext.seLinuxOptions'), state: 'refused', reason: 'Fargate has no SELinux' },
  { path: at('securityContext.windowsOptions'), state: 'refused', reason: 'there are only Linux nodes' },
];

const plainResources: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

const differs = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean =>
  a !== undefined && b !== undefined && !semanticEqual(a, b);
