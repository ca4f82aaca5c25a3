/** What an emulator says about itself; undefined where nothing answers. */
export interface Health {
  readonly engine: 'ministack' | 'localstack';
  readonly version: string;
}

/** MiniStack answers on LocalStack's path as well: its own is asked first. */
export async function emulatorHealth(endpoint: string): Promise<Health | undefined> {
  for (const engine of ['ministack', 'localstack'] as const) {
    const response = await fetch(new URL(`/_${engine}/health`, endpoint), { signal: AbortSignal.timeout(2000) });
    const text = await response.text();
    if (!response.ok) continue;
    const { version } = JSON.parse(text) as { version?: unknown };
    return { engine, version: typeof version === 'string' ? version : 'of an unknown version' };
  }
  return undefined;
}
