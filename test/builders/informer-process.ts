/** An informer of another language's client, as a process that says what it sees, a JSON object a line (test/fixtures/informer-*). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface InformerCommand {
  readonly file: string;
  /** The namespace comes after them. */
  readonly args: readonly string[];
}

export interface InformerLine {
  readonly what: string;
  readonly name?: string;
  readonly uid?: string;
  readonly rv?: string;
  readonly value?: string;
  readonly initial?: boolean;
  readonly reason?: string;
  readonly message?: string;
  readonly objects?: Record<string, string>;
}

export interface InformerProcess {
  /** Everything that it has printed; grows. */
  readonly lines: readonly InformerLine[];
  cache(): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

export function startInformer({ file, args }: InformerCommand, kubeconfig: string, namespace: string): InformerProcess {
  const child = spawn(file, [...args, namespace], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: InformerLine[] = [];
  const asked: ((objects: Record<string, string>) => void)[] = [];
  createInterface(child.stdout).on('line', (text) => {
    const line = JSON.parse(text) as InformerLine;
    if (line.what === 'cache') asked.shift()?.(line.objects ?? {});
    else lines.push(line);
  });
  const exited = once(child, 'exit');
  return {
    lines,
    cache: () =>
      new Promise((resolve) => {
        asked.push(resolve);
        child.stdin.write('\n');
      }),
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}
