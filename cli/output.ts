/** What commands print: colours only on a terminal, JSON for scripts. */
import { styleText } from 'node:util';
import { isApiError } from '@nodeless/apimachinery/status';

export interface Output {
  /** A line on standard output. */
  line(text?: string): void;
  /** A line on standard error: progress and hints, which scripts do not read. */
  note(text: string): void;
  json(value: unknown): void;
  readonly colour: boolean;
  style(format: Parameters<typeof styleText>[0], text: string): string;
}

export function createOutput(
  streams: { stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream } = process,
  environment: NodeJS.ProcessEnv = process.env,
): Output {
  const colour = Boolean(streams.stdout.isTTY) && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
  return {
    colour,
    line: (text = '') => void streams.stdout.write(`${text}\n`),
    note: (text) => void streams.stderr.write(`${text}\n`),
    json: (value) => void streams.stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    style: (format, text) => (colour ? styleText(format, text, { validateStream: false }) : text),
  };
}

/** Columns aligned as kubectl aligns them: three spaces between, nothing after the last. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd((widths[i] as number) + 3))).join(''),
  );
}

/** An error that is the user's to mend: printed as one line, without a stack. */
export class UserError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'UserError';
    this.exitCode = exitCode;
  }
}

/** One line, as kubectl tells an API error; a stack only for what nobody foresaw. */
export function describeError(error: unknown): string {
  if (error instanceof UserError) return `nodeless: ${error.message}`;
  if (isApiError(error)) {
    // The cause is there when no server answered.
    const refused = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
    if (refused)
      return `nodeless: ${error.message.replace(/(?<=cannot be reached): .*$/s, '')}: nobody answers (is the cluster running? "npm start" starts it)`;
    return `Error from server${error.reason ? ` (${error.reason})` : ''}: ${error.message}`;
  }
  if (error instanceof Error && 'code' in error) return `nodeless: ${error.message}`;
  return `nodeless: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

/** The value of -o, which must be one of these when it is given. */
export function outputFormat<const T extends string>(given: string | undefined, known: readonly T[]): T | undefined {
  if (given === undefined || (known as readonly string[]).includes(given)) return given as T | undefined;
  throw new UserError(
    `-o must be ${new Intl.ListFormat('en', { type: 'disjunction' }).format(known)}, not ${JSON.stringify(given)}`,
  );
}
