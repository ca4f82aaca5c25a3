const longest = 0x7fffffff;

/**
 * Keeps the process's event loop from running empty until `run` is over. The clock's timers keep no process alive, and nor do idle
 * connections: a function that waits for nothing else is ended by Lambda's runtime with Runtime.NodeJsExit.
 */
export async function stayAwake<T>(run: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, longest);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}
