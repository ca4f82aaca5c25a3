/** From a change to the function that acts on it: the stream, the queues, ECS's events, ticks, and schedules. */
import { Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { scheduleGroupName } from './places.ts';
import type { Queues } from './queues.ts';
import type { State } from './state.ts';
import type { Workload } from './workload.ts';

export interface DeliveryProps {
  readonly cluster: string;
  readonly state: State;
  readonly queues: Queues;
  readonly workload: Workload;
  readonly functions: Readonly<
    Record<'dispatcher' | 'controllers' | 'scheduler' | 'virtual-kubelet' | 'later', lambda.Function>
  >;
}

export const tickMinutes = 5;

export class Delivery extends Construct {
  constructor(scope: Construct, id: string, { cluster, state, queues, workload, functions }: DeliveryProps) {
    super(scope, id);
    new scheduler.CfnScheduleGroup(this, 'Schedules', { name: scheduleGroupName(cluster) });

    new lambda.EventSourceMapping(this, 'Stream', {
      target: functions.dispatcher,
      eventSourceArn: state.streamArn,
      // Whatever was written before the mapping was ready counts, too; it is no older than maxRecordAge.
      startingPosition: lambda.StartingPosition.TRIM_HORIZON,
      // Only what the log gains: objects, tickets and what the time to live removes are no news.
      filters: [
        lambda.FilterCriteria.filter({
          eventName: lambda.FilterRule.isEqual('INSERT'),
          dynamodb: { Keys: { pk: { S: lambda.FilterRule.beginsWith('LOG#') } } },
        }),
      ],
      batchSize: 100,
      maxBatchingWindow: Duration.seconds(0),
      parallelizationFactor: 4,
      // Without an end to its retries one bad record would stop its shard for a day; the next tick makes up for what is given up.
      bisectBatchOnError: true,
      retryAttempts: 10,
      maxRecordAge: Duration.hours(1),
      reportBatchItemFailures: true,
      onFailure: { bind: () => ({ destination: queues.dead.queueArn }) },
    });

    const work = (name: string, target: lambda.Function, queue: sqs.Queue, maxConcurrency: number): void => {
      new lambda.EventSourceMapping(this, name, {
        target,
        eventSourceArn: queue.queueArn,
        batchSize: 10,
        // Without a limit a throttled function sends messages back until they count as dead.
        maxConcurrency,
        reportBatchItemFailures: true,
      });
    };
    // A burst of keys must not start fifty cold functions that each read the same caches.
    work('Controllers', functions.controllers, queues.controllers, 10);
    work('Scheduler', functions.scheduler, queues.scheduler, 2);
    work('Kubelet', functions['virtual-kubelet'], queues.kubelet, 50);
    work('Later', functions.later, queues.later, 5);

    new events.Rule(this, 'Ticks', {
      ruleName: `nodeless-${cluster}-ticks`,
      description: 'Resyncs, sweeps and heartbeats',
      schedule: events.Schedule.rate(Duration.minutes(tickMinutes)),
      targets: [
        new targets.LambdaFunction(functions.dispatcher, {
          event: events.RuleTargetInput.fromObject({ tick: true }),
          // An old tick is no use: the next one is near.
          maxEventAge: Duration.minutes(tickMinutes),
          retryAttempts: 2,
        }),
      ],
    });
    new events.Rule(this, 'Tasks', {
      ruleName: `nodeless-${cluster}-tasks`,
      description: 'Tasks that change their state',
      eventPattern: {
        source: ['aws.ecs'],
        detailType: ['ECS Task State Change'],
        detail: { clusterArn: [workload.cluster.attrArn] },
      },
      targets: [
        new targets.LambdaFunction(functions.dispatcher, { maxEventAge: Duration.hours(1), retryAttempts: 10 }),
      ],
    });
  }
}
