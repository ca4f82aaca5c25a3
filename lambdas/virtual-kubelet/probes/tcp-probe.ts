import { type Dialer, dialErrorText } from './dialer.ts';
import type { ProbeResult } from './probe-result.ts';

/** Success is a connection that opens. */
export async function probeTcp(dial: Dialer, host: string, port: number, timeoutMs: number): Promise<ProbeResult> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    (await dial(host, port, signal)).destroy();
    return { outcome: 'success', output: '' };
  } catch (error) {
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    return {
      outcome: 'failure',
      output: `dial tcp ${authority}: ${signal.aborted ? 'i/o timeout' : dialErrorText(error)}`,
    };
  }
}
