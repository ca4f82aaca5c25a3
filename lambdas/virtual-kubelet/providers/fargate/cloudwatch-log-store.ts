import {
  type CloudWatchLogsClient,
  GetLogEventsCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs';
import type { LogPage, LogStore } from './pod-logs.ts';

/** Streams of a log group in CloudWatch. */
export function createCloudWatchLogStore(client: Pick<CloudWatchLogsClient, 'send'>, group: string): LogStore {
  return {
    async read(stream, { startTime, token, limit, fromHead }): Promise<LogPage | undefined> {
      try {
        const page = await client.send(
          new GetLogEventsCommand({
            logGroupName: group,
            logStreamName: stream,
            startFromHead: fromHead,
            ...(startTime === undefined ? {} : { startTime }),
            ...(token === undefined ? {} : { nextToken: token }),
            ...(limit === undefined ? {} : { limit }),
          }),
        );
        return {
          lines: (page.events ?? []).map(({ timestamp = 0, message = '' }) => ({ at: timestamp, text: message })),
          forward: page.nextForwardToken ?? '',
          backward: page.nextBackwardToken ?? '',
        };
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    },
  };
}
