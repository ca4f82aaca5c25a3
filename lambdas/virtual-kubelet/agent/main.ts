/** The agent's program, as the door serves it in one file. It is started by the loader in agent-container.ts. */
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { request } from '@nodeless/component-base/node-http';
import { rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { directDialer } from '../probes/dialer.ts';
import { createAgent } from './agent.ts';
import { type BootSettings, bootVariable, readyFile, volumeRoot } from './agent-protocol.ts';
import { createDoorClient } from './door-client.ts';
import { taskView, type TaskView } from './task-metadata.ts';
import { createVolumeWriter } from './volume-writer.ts';

const version = '1.0.0';
const metadataUri = process.env['ECS_CONTAINER_METADATA_URI_V4'];

function readTask(): Promise<TaskView> {
  return new Promise((resolve, reject) => {
    const call = request(
      `${metadataUri ?? ''}/task`,
      { signal: AbortSignal.timeout(2_000) },
      (answer: IncomingMessage) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          try {
            if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}`);
            resolve(taskView(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
          } catch (error) {
            reject(error as Error);
          }
        });
      },
    );
    call.on('error', reject);
    call.end();
  });
}

const settings = JSON.parse(process.env[bootVariable] ?? '') as BootSettings;
// Nothing that the program starts, and no dump of it, should carry the token on.
delete process.env[bootVariable];
const log = createLogger({ level: process.env['NODELESS_LOG_LEVEL'] === 'debug' ? 'debug' : 'info' });
// Who reads the log may go away; telling that there would go on for ever.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
// The task ends with its agent, and no fault in here is worth a pod.
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => log.error('a fault of the agent', { error }));
const agent = createAgent({
  door: createDoorClient(settings),
  dial: directDialer,
  clock: systemClock,
  log,
  version,
  writer: createVolumeWriter(volumeRoot),
  markReady: (ready) => (ready ? writeFile(readyFile, '') : rm(readyFile, { force: true })),
  readTask: metadataUri ? readTask : undefined,
});
// Timers do not keep the process alive, and between two of them there may be nothing else.
const held = setInterval(() => {}, 0x7fffffff);
process.removeAllListeners('SIGTERM');
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => agent.terminate());
process.exitCode = await agent.run();
clearInterval(held);
process.exit();
