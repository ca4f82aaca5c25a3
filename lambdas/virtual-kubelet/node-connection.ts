/** How the API server reaches what a kubelet serves: in-process locally, through the hub in AWS. */
import type { Duplex, Readable } from 'node:stream';
import type { ExecIo, LogOptions, PodRef } from './providers/provider.ts';

export interface NodeConnection {
  /** Errors are ApiError with the texts of kubelet and kube-apiserver. */
  logs(nodeName: string, pod: PodRef, options: LogOptions): Promise<Readable>;
  exec(nodeName: string, pod: PodRef, container: string, command: readonly string[], io: ExecIo): Promise<{ exitCode: number }>;
  attach(nodeName: string, pod: PodRef, container: string, io: ExecIo): Promise<{ exitCode: number }>;
  portForward(nodeName: string, pod: PodRef, port: number): Promise<Duplex>;
  /** The kubelet's other HTTP endpoints (`/stats/summary`, `/metrics`, `/healthz`, `/pods`): for nodes/proxy. */
  proxy(nodeName: string, request: { method: string; path: string; headers: Record<string, string>; body: Readable | undefined }): Promise<{ status: number; headers: Record<string, string>; body: Readable }>;
}
