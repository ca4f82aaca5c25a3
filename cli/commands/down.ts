import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { sleep, systemClock } from '@nodeless/component-base/clock';
import { defaultDataDir, findRunning } from '@nodeless/local/data-dir';
import { UserError } from '../output.ts';
import type { AddCommand } from './command.ts';

const waitMs = 30_000;

export const addDown: AddCommand = (program, output) => {
  program
    .command('down')
    .description('stop the cluster; its objects stay and its pods go on running until --purge')
    .option('--data-dir <folder>', 'folder of the cluster (default: .nodeless)')
    .option('--purge', 'also remove its containers and its folder, with everything in it')
    .action(async (options: { dataDir?: string; purge?: boolean }) => {
      const dataDir = resolve(options.dataDir ?? defaultDataDir);
      const running = findRunning(dataDir);
      if (running) {
        process.kill(running.pid, 'SIGTERM');
        for (let waited = 0; findRunning(dataDir); waited += 100) {
          if (waited > waitMs)
            throw new UserError(`process ${running.pid} has not ended within ${waitMs / 1000} seconds`);
          await sleepAlive(100);
        }
        output.line('The cluster has stopped.');
      } else if (!options.purge) output.line('The cluster was not running.');
      if (!options.purge) return;
      const { removeClusterContainers } = await import('@nodeless/local/clean-up');
      const removed = await removeClusterContainers(dataDir);
      rmSync(dataDir, { recursive: true, force: true });
      output.line(`Removed ${dataDir}${removed > 0 ? ` and ${removed} containers` : ''}.`);
    });
};

/** The clock's timers do not keep a process alive; here there is nothing else that would. */
async function sleepAlive(ms: number): Promise<void> {
  const alive = setInterval(() => {}, 1 << 30);
  await sleep(systemClock, ms);
  clearInterval(alive);
}
