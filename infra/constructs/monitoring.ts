/** What an operator must know: ten alarms at most, because the first ten are free, and one dashboard. */
import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { FunctionName } from '../functions.ts';
import type { NodelessSettings } from '../settings.ts';
import type { Queues } from './queues.ts';
import type { State } from './state.ts';

export interface MonitoringProps {
  readonly settings: NodelessSettings;
  readonly state: State;
  readonly queues: Queues;
  readonly functions: Readonly<Record<FunctionName, lambda.Function>>;
  /** Stops the API when the bill guard rings, with `killSwitch`. */
  readonly killSwitch: lambda.IFunction;
}

interface AlarmSpec {
  readonly metric: cloudwatch.IMetric;
  readonly above: number;
  /** Periods of five minutes in a row. */
  readonly for?: number;
  /** What it means and what to do. */
  readonly says: string;
}

const period = Duration.minutes(5);

export class Monitoring extends Construct {
  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    const { settings } = props;
    if (settings.monitoring.alarms) this.addAlarms(props);
    if (settings.monitoring.dashboard) this.addDashboard(props);
  }

  private addAlarms(props: MonitoringProps): void {
    const { settings, killSwitch } = props;
    const { cluster, monitoring } = settings;
    const topic = monitoring.alarmEmails.length > 0 ? this.makeTopic(settings) : undefined;
    for (const [name, spec] of Object.entries(alarmSpecs(props))) {
      const alarm = new cloudwatch.Alarm(this, name, {
        alarmName: `nodeless-${cluster}-${name.replace(/\B[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}`,
        alarmDescription: spec.says,
        metric: spec.metric,
        threshold: spec.above,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: spec.for ?? 1,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      });
      if (topic) alarm.addAlarmAction(new actions.SnsAction(topic));
      if (name === 'BillGuard' && monitoring.killSwitch) alarm.addAlarmAction(new actions.LambdaAction(killSwitch));
    }
  }

  private makeTopic({ cluster, monitoring }: NodelessSettings): sns.Topic {
    const topic = new sns.Topic(this, 'Topic', { displayName: `nodeless ${cluster}`, enforceSSL: true });
    for (const address of monitoring.alarmEmails) topic.addSubscription(new subscriptions.EmailSubscription(address));
    return topic;
  }

  private addDashboard({ settings, state, queues, functions }: MonitoringProps): void {
    const all = Object.entries(functions);
    const { table } = state;
    const { region } = Stack.of(this);
    const lines = (title: string, left: cloudwatch.IMetric[]): cloudwatch.GraphWidget =>
      new cloudwatch.GraphWidget({ title, left, width: 12, region });
    const label = (name: string) => ({ label: name, period });
    new cloudwatch.Dashboard(this, 'Dashboard', {
      // Names of dashboards are the account's, not the region's.
      dashboardName: `nodeless-${settings.cluster}-${region}`,
      widgets: [
        [
          lines(
            'Invocations',
            all.map(([name, fn]) => fn.metricInvocations(label(name))),
          ),
          lines('Errors and throttles', [
            ...all.map(([name, fn]) => fn.metricErrors(label(name))),
            functions.apiserver.metricThrottles(label('apiserver throttles')),
          ]),
        ],
        [
          lines(
            'Duration (p90, ms)',
            all.map(([name, fn]) => fn.metricDuration({ ...label(name), statistic: 'p90' })),
          ),
          lines('Age of the oldest work (s)', [
            ...[queues.controllers, queues.scheduler, queues.kubelet].map((queue) =>
              queue.metricApproximateAgeOfOldestMessage({ period }),
            ),
          ]),
        ],
        [
          lines('Table: units', [
            table.metricConsumedReadCapacityUnits({ period }),
            table.metricConsumedWriteCapacityUnits({ period }),
          ]),
          lines('Stream: delay (ms) and dead letters', [
            functions.dispatcher.metric('IteratorAge', { statistic: 'max', period }),
            queues.dead.metricApproximateNumberOfMessagesVisible({ period }),
            queues.deadFifo.metricApproximateNumberOfMessagesVisible({ period }),
          ]),
        ],
      ],
    });
  }
}

function alarmSpecs({ settings, state, queues, functions }: MonitoringProps): Record<string, AlarmSpec> {
  const sum = { statistic: 'sum', period };
  const tableMetric = (metricName: string): cloudwatch.Metric =>
    new cloudwatch.Metric({
      namespace: 'AWS/DynamoDB',
      metricName,
      dimensionsMap: { TableName: state.table.tableName },
      ...sum,
    });
  const { billGuardRequestsPerHour: guard, killSwitch } = settings.monitoring;
  return {
    DeadWork: {
      metric: queues.deadFifo.metricApproximateNumberOfMessagesVisible({ period, statistic: 'max' }),
      above: 0,
      says: 'A function crashed or ran out of time five times over one object: read the message in the dead-letter queue and the log of the function, mend it, then redrive the queue.',
    },
    DeadRecords: {
      metric: queues.dead.metricApproximateNumberOfMessagesVisible({ period, statistic: 'max' }),
      above: 0,
      says: 'Stream records or delayed work were given up. The next resync makes up for them; the log of the function says why.',
    },
    ApiErrors: {
      metric: functions.apiserver.metricErrors(sum),
      above: 0,
      for: 3,
      says: 'The API function crashes or runs out of time.',
    },
    ApiThrottles: {
      metric: functions.apiserver.metricThrottles(sum),
      above: 0,
      says: 'Requests were refused for want of concurrency: raise the quota of the account (nodeless doctor), or end watches that nobody needs.',
    },
    DispatcherErrors: {
      metric: functions.dispatcher.metricErrors(sum),
      above: 0,
      for: 3,
      says: 'Changes do not become work.',
    },
    StreamAge: {
      metric: functions.dispatcher.metric('IteratorAge', { statistic: 'max', period }),
      above: Duration.minutes(5).toMilliseconds(),
      says: 'Changes become work more than five minutes late.',
    },
    WorkAge: {
      metric: queues.controllers.metricApproximateAgeOfOldestMessage({ period, statistic: 'max' }),
      above: Duration.minutes(15).toSeconds(),
      says: 'Controllers are more than fifteen minutes behind.',
    },
    ReadThrottles: {
      metric: tableMetric('ReadThrottleEvents'),
      above: 100,
      says: 'The table refuses reads: a hot partition, or more than twice its earlier peak within half an hour.',
    },
    WriteThrottles: {
      metric: tableMetric('WriteThrottleEvents'),
      above: 100,
      says: 'The table refuses writes: a hot partition, or more than twice its earlier peak within half an hour.',
    },
    BillGuard: {
      metric: functions.apiserver.metricInvocations({ statistic: 'sum', period: Duration.hours(1) }),
      above: guard,
      says: `More than ${guard} API requests in an hour.${killSwitch ? ' The API has been stopped: nodeless doctor --cluster says how it is started again.' : ' If nobody you know makes them, set the concurrency of the function to 0.'}`,
    },
  };
}
