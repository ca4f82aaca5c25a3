/** How the API server reaches what a kubelet serves: in-process locally, through the hub in AWS. */
import type { ApiError } from '@nodeless/apimachinery/status';
import type { Duplex, Readable, Writable } from 'node:stream';

export interface PodRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface LogOptions {
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly sinceTime?: Date;
  readonly sinceSeconds?: number;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly stream?: 'All' | 'Stdout' | 'Stderr';
}

export interface ExecIo {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly tty: boolean;
  /** Calls back with each new terminal size. */
  onResize(callback: (size: { width: number; height: number }) => void): void;
  readonly signal: AbortSignal;
}

export interface NodeConnection {
  /** Errors are ApiError with the texts of kubelet and kube-apiserver. */
  logs(nodeName: string, pod: PodRef, options: LogOptions): Promise<Readable>;
  exec(
    nodeName: string,
    pod: PodRef,
    container: string,
    command: readonly string[],
    io: ExecIo,
  ): Promise<{ exitCode: number }>;
  attach(nodeName: string, pod: PodRef, container: string, io: ExecIo): Promise<{ exitCode: number }>;
  portForward(nodeName: string, pod: PodRef, port: number): Promise<Duplex>;
  /** Why such a stream can never be had on this node, for carriers on which it could not begin anyway. Absent: it can be. */
  refuses?(what: 'exec' | 'attach' | 'port-forward', nodeName: string): ApiError;
  /** The kubelet's other HTTP endpoints (`/stats/summary`, `/metrics`, `/healthz`, `/pods`): for nodes/proxy. */
  proxy(
    nodeName: string,
    request: { method: string; path: string; headers: Record<string, string>; body: Readable | undefined },
  ): Promise<{ status: number; headers: Record<string, string>; body: Readable }>;
}
