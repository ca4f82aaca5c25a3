import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    pool: 'threads',
    isolate: true,
    testTimeout: 20_000,
    // Long tests wait for processes, containers and clocks more than they work: one core would be left idle.
    maxWorkers: Math.max(2, availableParallelism()),
  },
});
