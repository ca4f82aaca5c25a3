import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** The agent in one file, as agents fetch it. */
export interface AgentProgram {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly revision: string;
}

/** Reads the bundled agent, which lies beside the function's own code, when it is first asked for. */
export function programFile(path: string | URL): () => Promise<AgentProgram> {
  let read: Promise<AgentProgram> | undefined;
  return () => {
    read ??= readFile(path).then((body) => ({
      body: new Uint8Array(body),
      revision: createHash('sha256').update(body).digest('hex').slice(0, 32),
    }));
    read.catch(() => (read = undefined));
    return read;
  };
}
