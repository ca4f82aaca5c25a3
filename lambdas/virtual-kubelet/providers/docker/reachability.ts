import { directDialer } from '../../probes/dialer.ts';

/** Nothing listens there: a route shows by the refusal that comes back. */
const deafPort = 9;
const patienceMs = 700;

/** Whether this process has a route to the cluster's addresses (it has not where the engine runs in a virtual machine). */
export function createReachability(address: () => Promise<string>): () => Promise<boolean> {
  let known: Promise<boolean> | undefined;
  const test = async (): Promise<boolean> => {
    if (process.platform !== 'linux') return false;
    try {
      (await directDialer(await address(), deafPort, AbortSignal.timeout(patienceMs))).destroy();
      return true;
    } catch (error) {
      return (error as { code?: string }).code === 'ECONNREFUSED';
    }
  };
  return () =>
    (known ??= test().catch(() => {
      known = undefined;
      return false;
    }));
}
