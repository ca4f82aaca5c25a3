import type Docker from 'dockerode';
import type { ContainerStart } from '../../runtime/container-runtime.ts';
import { bindAddresses } from '../../late-binding.ts';
import { refOf } from '../../pod-names.ts';
import { parseImageReference } from '../../runtime/image-reference.ts';
import { label, podLabels, containerName } from './labels.ts';
import { engineResources, oomScore } from './resources.ts';
import { engineSecurity } from './security.ts';

export interface SpecContext {
  readonly cluster: string;
  readonly nodeName: string;
  /** Bytes of the engine's machine. */
  readonly machineMemory: number;
  /** False = scores below 0 are refused. */
  readonly protectsFromOom: boolean;
  /** `enginePath:containerPath[:options]`, volumes, termination file and the pod's own files included. */
  readonly binds: readonly string[];
  /** Below the kubelet folder; '' = the container has none. */
  readonly terminationFile: string;
}

/** How long the engine keeps what a container prints. */
const logConfig = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } };

/** What the engine is asked to make for one container of a pod. Pure. */
export function containerSpec(start: ContainerStart, context: SpecContext): Docker.ContainerCreateOptions {
  const { container, resolved, sandbox } = start;
  const pod = start.pod.pod;
  const ref = refOf(pod);
  const addresses = { podIp: sandbox.podIps[0] ?? '', podIps: sandbox.podIps };
  const bind = (text: string): string => bindAddresses(text, addresses);
  const security = engineSecurity(pod, container, start.image.user);
  const { User, ...hostSecurity } = security;
  const stopSignal = container.lifecycle?.stopSignal;
  const inSandbox = `container:${sandbox.id}`;
  return {
    name: containerName(context.cluster, ref, container.name, start.attempt),
    Image: parseImageReference(container.image ?? '')?.name ?? start.image.id,
    Env: resolved.env.map(({ name, value }) => `${name}=${bind(value)}`),
    ...(resolved.command ? { Entrypoint: resolved.command.map(bind) } : {}),
    // A command of the pod's own takes the image's arguments away with its entrypoint.
    ...(resolved.args ? { Cmd: resolved.args.map(bind) } : resolved.command ? { Cmd: [] } : {}),
    ...(container.workingDir ? { WorkingDir: container.workingDir } : {}),
    ...(User === undefined ? {} : { User }),
    Tty: container.tty ?? false,
    OpenStdin: container.stdin ?? false,
    StdinOnce: container.stdinOnce ?? false,
    ...(stopSignal ? { StopSignal: stopSignal } : {}),
    // Liveness and readiness are the pod's probes; the image's own check would only cost.
    Healthcheck: { Test: ['NONE'] },
    Labels: {
      ...podLabels(context.cluster, 'container', context.nodeName, ref),
      [label.container]: container.name,
      [label.kind]: start.kind,
      [label.attempt]: String(start.attempt),
      [label.sandbox]: sandbox.id,
      [label.specHash]: start.specHash,
      [label.backoff]: String(start.backoffMs),
      [label.terminationFile]: context.terminationFile,
      [label.terminationPolicy]: container.terminationMessagePolicy ?? 'File',
      [label.tty]: container.tty ? 'true' : 'false',
    },
    HostConfig: {
      Binds: [...context.binds],
      NetworkMode: inSandbox,
      IpcMode: pod.spec?.hostIPC ? 'host' : inSandbox,
      ...(start.pidTarget
        ? { PidMode: `container:${start.pidTarget}` }
        : pod.spec?.hostPID
          ? { PidMode: 'host' }
          : pod.spec?.shareProcessNamespace
            ? { PidMode: inSandbox }
            : {}),
      ...engineResources(container),
      OomScoreAdj: Math.max(oomScore(pod, container, context.machineMemory), context.protectsFromOom ? -1000 : 0),
      ...hostSecurity,
      LogConfig: logConfig,
    },
  } as Docker.ContainerCreateOptions;
}
