/** Structured logging: a constant message and fields (`log.info('launched task', { pod, task })`). */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A logger that adds `fields` to each line. */
  with(fields: Record<string, unknown>): Logger;
}

const levels = { debug: 10, info: 20, warn: 30, error: 40 } as const;
export type LogLevel = keyof typeof levels;

/** One JSON object a line. `write` receives the line without its newline. */
export function createLogger(
  options: {
    level?: LogLevel;
    write?: (line: string) => void;
    now?: () => number;
    fields?: Record<string, unknown>;
  } = {},
): Logger {
  const { level = 'info', now = Date.now, fields: base = {} } = options;
  const write = options.write ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const log = (at: LogLevel, message: string, fields: Record<string, unknown> = {}): void => {
    if (levels[at] < levels[level]) return;
    write(JSON.stringify({ time: new Date(now()).toISOString(), level: at, message, ...base, ...fields }, plainErrors));
  };
  return {
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
    with: (fields) => createLogger({ level, write, now, fields: { ...base, ...fields } }),
  };
}

function plainErrors(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { name: value.name, message: value.message, stack: value.stack, cause: value.cause };
}

export const silentLogger: Logger = createLogger({ level: 'error', write: () => {} });
