export type ProbeOutcome = 'success' | 'warning' | 'failure' | 'unknown';

export interface ProbeResult {
  readonly outcome: ProbeOutcome;
  /** What the probe printed or why it failed: the tail of the event's message. */
  readonly output: string;
}

/** One try of one probe. Resolves always; aborting ends it as a failure. */
export interface ProbeTarget {
  readonly podIp: string;
  readonly containerId: string;
  readonly timeoutMs: number;
}
