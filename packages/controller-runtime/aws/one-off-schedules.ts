import {
  ConflictException,
  CreateScheduleCommand,
  DeleteScheduleCommand,
  ResourceNotFoundException,
  type SchedulerClient,
} from '@aws-sdk/client-scheduler';
import type { OneOffSchedules } from '../queues.ts';

export interface SchedulesOptions {
  readonly client: Pick<SchedulerClient, 'send'>;
  /** The schedules of one cluster are one group, which goes with it. */
  readonly group: string;
  /** The timer function, and the role in which it is called. */
  readonly target: string;
  readonly role: string;
}

/** One-off schedules of EventBridge Scheduler: to the minute, at least once, gone when they have fired. */
export function createOneOffSchedules({ client, group, target, role }: SchedulesOptions): OneOffSchedules {
  return {
    async ensure(name, atMs, input) {
      const at = new Date(Math.ceil(atMs / 1000) * 1000).toISOString().slice(0, 19);
      try {
        await client.send(
          new CreateScheduleCommand({
            GroupName: group,
            Name: name,
            ScheduleExpression: `at(${at})`,
            ScheduleExpressionTimezone: 'UTC',
            FlexibleTimeWindow: { Mode: 'OFF' },
            ActionAfterCompletion: 'DELETE',
            Target: {
              Arn: target,
              RoleArn: role,
              Input: input,
              RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 10 },
            },
          }),
        );
      } catch (error) {
        if (!(error instanceof ConflictException)) throw error;
      }
    },
    async remove(name) {
      try {
        await client.send(new DeleteScheduleCommand({ GroupName: group, Name: name }));
      } catch (error) {
        if (!(error instanceof ResourceNotFoundException)) throw error;
      }
    },
  };
}
