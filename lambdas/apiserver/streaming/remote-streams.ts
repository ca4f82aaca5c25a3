/** The streams of exec and attach, whichever protocol carries them. */
import type { Status } from '@nodeless/apimachinery/status';
import type { Readable, Writable } from 'node:stream';

export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

export interface RemoteStreams {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  onResize(callback: (size: TerminalSize) => void): void;
  /** Tells how it ended, once all output has been written, and closes the connection. */
  finish(status: Status): void;
  /** The client has gone. */
  onClose(callback: () => void): void;
}

/** `{"Width":80,"Height":24}`; undefined for anything else. */
export function parseTerminalSize(text: string): TerminalSize | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    return typeof width === 'number' && typeof height === 'number' ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

/** What the oldest protocols say in place of a Status: nothing of success, else the message. */
export function plainStatus(status: Status): string {
  return status.status === 'Success' ? '' : (status.message ?? '');
}
