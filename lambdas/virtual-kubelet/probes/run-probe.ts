import type { Container, HTTPGetAction, Probe } from '@nodeless/apimachinery/generated/types/core/v1';
import type { ContainerRuntime } from '../runtime/container-runtime.ts';
import type { Dialer } from './dialer.ts';
import { probeGrpc } from './grpc-probe.ts';
import { type HttpTarget, probeHttp } from './http-probe.ts';
import type { ProbeResult } from './probe-result.ts';
import { probeTcp } from './tcp-probe.ts';

export interface ProbedContainer {
  readonly id: string;
  readonly container: Container;
  readonly podIp: string;
}

export type RunProbe = (probe: Probe, target: ProbedContainer) => Promise<ProbeResult>;

export function createRunProbe(deps: { readonly exec: ContainerRuntime['execSync']; readonly dial: Dialer }): RunProbe {
  const { exec, dial } = deps;
  return async (probe, target) => {
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    const { container, podIp } = target;
    try {
      if (probe.exec) return await probeExec(exec, target.id, probe.exec.command ?? [], timeoutMs);
      if (probe.httpGet) return await probeHttp(dial, httpTarget(probe.httpGet, container, podIp), timeoutMs);
      if (probe.tcpSocket)
        return await probeTcp(
          dial,
          probe.tcpSocket.host || podIp,
          resolvePort(probe.tcpSocket.port, container),
          timeoutMs,
        );
      if (probe.grpc) return await probeGrpc(dial, podIp, probe.grpc.port, probe.grpc.service ?? '', timeoutMs);
      return { outcome: 'unknown', output: `missing probe handler for ${container.name}` };
    } catch (error) {
      return { outcome: 'unknown', output: error instanceof Error ? error.message : String(error) };
    }
  };
}

async function probeExec(
  exec: ContainerRuntime['execSync'],
  id: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ProbeResult> {
  const { exitCode, output, timedOut } = await exec(id, command, timeoutMs);
  if (timedOut)
    return {
      outcome: 'failure',
      output: `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutMs / 1000}s`,
    };
  return { outcome: exitCode === 0 ? 'success' : 'failure', output };
}

export function httpTarget(action: HTTPGetAction, container: Container, podIp: string): HttpTarget {
  const path = action.path || '/';
  return {
    scheme: action.scheme?.toLowerCase() === 'https' ? 'https' : 'http',
    host: action.host || podIp,
    port: resolvePort(action.port, container),
    path: path.startsWith('/') ? path : `/${path}`,
    headers: action.httpHeaders ?? [],
  };
}

/** A number, the name of one of the container's ports, or a number written as text. */
export function resolvePort(port: number | string, container: Container): number {
  const named = typeof port === 'string' ? container.ports?.find((p) => p.name === port)?.containerPort : undefined;
  const number = named ?? Number(port);
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  throw new Error(typeof port === 'string' ? `couldn't find port: ${port}` : `invalid port number: ${port}`);
}
