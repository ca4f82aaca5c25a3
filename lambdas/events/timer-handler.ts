/** The timer function, the target of one-off schedules: its input is a message whose time has come. */
import { systemClock as clock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { stayAwake } from '@nodeless/component-base/stay-awake';
import { functionQueues } from '@nodeless/controller-runtime/aws/function-queues';
import { forward } from './forward.ts';

const log = createLogger({ fields: { function: 'timer' } });
const queues = functionQueues(clock);

export const handler = (event: unknown): Promise<void> =>
  stayAwake(async () => {
    const failed = await forward([{ id: 'schedule', body: event }], { queues, log });
    // The scheduler calls again.
    if (failed.length > 0) throw new Error('the message did not arrive');
  });
