import { beforeAll, describe, expect, it } from 'vitest';
import { type CapabilityName, capabilities } from './capabilities/capabilities.ts';
import { useAws } from './harness.ts';

const names = Object.keys(capabilities) as CapabilityName[];

/**
 * What the engine of this run can do, asked of the engine itself. What it lacks is a test that is skipped with the reason; tests
 * that need it skip by the same answer. An engine that learns something so turns the tests on by itself.
 */
describe('what this AWS can do', () => {
  const aws = useAws();
  // Most of the time is waiting: all at once.
  beforeAll(async () => {
    if (aws()) await Promise.allSettled(names.map((name) => aws().lacks(name)));
  }, 180_000);

  for (const name of names) {
    const { what, instead } = capabilities[name];
    it(`${name}: ${what}`, async (context) => {
      const lack = await aws().lacks(name);
      if (lack === undefined) return;
      expect(instead, `${name} has nothing instead: ${lack}`).not.toMatch(/^nothing/);
      context.skip(`${aws().title} lacks ${name}: ${lack}; instead: ${instead}`);
    });
  }
});
