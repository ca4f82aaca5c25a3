import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Ends a run with what was skipped and why, and one line that counts: `N passed, N failed, N skipped`. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    // A file that could not be loaded, and an error outside every test, are failures that no test shows.
    let failed = errors.length;
    const skipped = new Map<string, number>();
    for (const module of modules) {
      if (module.errors().length > 0) failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed' || state === 'pending') failed += 1;
        else skipped.set(reason(test, module), (skipped.get(reason(test, module)) ?? 0) + 1);
      }
    }
    if (skipped.size > 0) process.stdout.write('\nSkipped:\n');
    for (const [why, count] of skipped) process.stdout.write(`  ${count} × ${why}\n`);
    const total = [...skipped.values()].reduce((sum, count) => sum + count, 0);
    process.stdout.write(`\n${passed} passed, ${failed} failed, ${total} skipped\n`);
  }
}

/** What the test gave to context.skip, else the words in brackets at the end of its name or its group's. */
function reason(test: TestCase, module: TestModule): string {
  const result = test.result();
  const note = 'note' in result ? result.note : undefined;
  return (
    note ??
    /\(([^()]+)\)(?= >|$)/.exec(test.fullName)?.[1] ??
    `${module.relativeModuleId}: ${test.fullName} (no reason given)`
  );
}
