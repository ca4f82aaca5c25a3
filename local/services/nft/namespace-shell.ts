/**
 * Applies rules in network namespaces from inside a node helper: one shell that stays, fed through its standard input, so
 * that a change costs neither a new exec nor a round trip for each namespace.
 */
import type { Duplex } from 'node:stream';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import { ownNetworkNamespace } from '../own-namespace.ts';

export interface Program {
  readonly id: string;
  /** `/proc/<pid>/ns/net`, as the helper sees it. */
  readonly namespace: string;
  /** The namespace's number, as `applied` gave it; '' = whatever is there. Process ids are used again: what is there now may be another's. */
  readonly identity: string;
  /** For `nft -f`. Equal texts are sent once. */
  readonly text: string;
}

export type Outcome =
  | { readonly result: 'applied'; readonly identity: string }
  | { readonly result: 'gone' }
  | { readonly result: 'failed'; readonly message: string };

export interface NamespaceShell {
  /** Every program's outcome, by id. Rejects when the helper could not be asked, or has gone meanwhile. One call at a time. */
  apply(programs: readonly Program[]): Promise<ReadonlyMap<string, Outcome>>;
  close(): void;
}

/** nft waits for the kernel most of the time: many at once are hardly slower than one. */
const atOnce = 32;
const batchMs = 20_000;
const heredoc = 'NODELESS_RULES_END';

/** The machine's own namespace is never touched, whatever a process id has come to mean. */
const prelude = (machine: string): string => `export PATH=/usr/sbin:/usr/bin:/sbin:/bin
nl='
'
engine=$(stat -L -c %i /proc/1/ns/net 2>/dev/null)
p() {
  real=none
  case "$ids" in *"$4 "*) real=\${ids#*"$4 "}; real=\${real%%"$nl"*} ;; esac
  case "$real" in none | "$engine" | '${machine}') echo "$1 gone $3"; return ;; esac
  if [ -n "$5" ] && [ "$real" != "$5" ]; then echo "$1 gone $3"; return; fi
  if out=$(nsenter --net="$4" nft -f "$2" 2>&1); then echo "$1 applied $3 $real"; else echo "$1 failed $3 $(echo "$out" | tr '\\n' ' ')"; fi
}
`;

/** `open` starts a shell in the helper; it is called again after the one before has ended. `onLost` tells that it has. */
export function createNamespaceShell(options: {
  readonly open: () => Promise<Duplex>;
  readonly clock: Clock;
  readonly onLost: () => void;
}): NamespaceShell {
  const { open, clock, onLost } = options;
  let stream: Duplex | undefined;
  let waiting:
    | { readonly batch: number; readonly outcomes: Map<string, Outcome>; resolve(): void; reject(error: Error): void }
    | undefined;
  let batch = 0;
  let closed = false;

  const lost = (which: Duplex, error: Error): void => {
    if (stream !== which) return;
    stream = undefined;
    waiting?.reject(error);
    if (!closed) onLost();
  };

  const onLine = (line: string): void => {
    const [number, word, id = '', ...rest] = line.split(' ');
    if (!waiting || Number(number) !== waiting.batch) return;
    if (word === 'end') waiting.resolve();
    else if (word === 'applied') waiting.outcomes.set(id, { result: 'applied', identity: rest.join(' ') });
    else if (word === 'gone') waiting.outcomes.set(id, { result: 'gone' });
    else if (word === 'failed') waiting.outcomes.set(id, { result: 'failed', message: rest.join(' ').trim() });
  };

  const connect = async (): Promise<Duplex> => {
    const fresh = await open();
    let rest = '';
    fresh.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(onLine);
    });
    fresh.on('error', (error) => lost(fresh, error));
    fresh.on('end', () => lost(fresh, new Error('the shell in the node helper has ended')));
    fresh.on('close', () => lost(fresh, new Error('the connection to the node helper was lost')));
    fresh.write(prelude(/\d+/.exec(ownNetworkNamespace() ?? '')?.[0] ?? 'none'));
    return fresh;
  };

  return {
    async apply(programs) {
      stream ??= await connect();
      const outcomes = new Map<string, Outcome>();
      const number = ++batch;
      const done = new Promise<void>((resolve, reject) => {
        waiting = { batch: number, outcomes, resolve, reject };
      });
      const patience = new AbortController();
      try {
        stream.write(script(number, programs));
        await Promise.race([
          done,
          sleep(clock, batchMs, patience.signal).then(() =>
            Promise.reject(new Error('the node helper did not answer in time')),
          ),
        ]);
      } catch (error) {
        stream?.destroy();
        throw error;
      } finally {
        waiting = undefined;
        patience.abort();
      }
      return outcomes;
    },
    close() {
      closed = true;
      stream?.destroy();
    },
  };
}

function script(batch: number, programs: readonly Program[]): string {
  const files = new Map<string, string>();
  const lines: string[] = [];
  for (const { text } of programs) {
    if (files.has(text)) continue;
    const file = `/tmp/nodeless-rules-${files.size}`;
    files.set(text, file);
    lines.push(`cat > ${file} <<'${heredoc}'`, text.trimEnd(), heredoc);
  }
  lines.push(
    `ids=$(stat -L -c '%n %i' ${[...new Set(programs.map(({ namespace }) => `'${namespace}'`))].join(' ')} 2>/dev/null)"$nl"`,
  );
  programs.forEach(({ id, namespace, identity, text }, i) => {
    lines.push(`p ${batch} ${files.get(text)} '${id}' '${namespace}' '${identity}' &`);
    if ((i + 1) % atOnce === 0) lines.push('wait');
  });
  lines.push('wait', `echo "${batch} end"`, '');
  return lines.join('\n');
}
