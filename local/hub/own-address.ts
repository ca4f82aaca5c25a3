/** Under which address this task is reached from outside: AWS's own echo of it, which a task cannot read from its metadata. */
const echo = 'https://checkip.amazonaws.com';
const timeoutMs = 5_000;
const tries = 5;

/** Rejects when it cannot be found out. */
export async function ownAddress(ask: typeof fetch = fetch): Promise<string> {
  let reason: unknown;
  for (let i = 0; i < tries; i++) {
    try {
      const answer = await ask(echo, { signal: AbortSignal.timeout(timeoutMs) });
      const address = (await answer.text()).trim();
      if (answer.ok && /^[0-9a-f.:]+$/i.test(address)) return address;
      reason = new Error(`it says ${answer.status} ${JSON.stringify(address.slice(0, 80))}`);
    } catch (error) {
      reason = error;
    }
  }
  throw new Error(`${echo} does not tell the address of this task; set NODELESS_HUB_ADDRESS`, { cause: reason });
}
