/** Work for the functions. Three FIFO queues, because an event source mapping cannot share one; one for what waits; one dead-letter queue a kind. */
import { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { functions } from '../functions.ts';

export interface QueuesProps {
  readonly cluster: string;
  readonly key?: IKey;
}

export class Queues extends Construct {
  readonly controllers: sqs.Queue;
  readonly scheduler: sqs.Queue;
  readonly kubelet: sqs.Queue;
  readonly later: sqs.Queue;
  /** Messages of FIFO queues whose function crashed or ran out of time again and again. */
  readonly deadFifo: sqs.Queue;
  /** The same for `later`, and batches of the stream that failed to the end. */
  readonly dead: sqs.Queue;

  constructor(scope: Construct, id: string, { cluster, key }: QueuesProps) {
    super(scope, id);
    const common = {
      enforceSSL: true,
      ...(key
        ? { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: key, dataKeyReuse: Duration.hours(1) }
        : { encryption: sqs.QueueEncryption.SQS_MANAGED }),
    };
    // Groups are keys of objects: throughput and deduplication per group, or 300 messages a second would be all there is.
    const fifo = {
      ...common,
      fifo: true,
      deduplicationScope: sqs.DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
    };
    const retentionPeriod = Duration.days(14);
    this.deadFifo = new sqs.Queue(this, 'DeadFifo', {
      ...fifo,
      queueName: `nodeless-${cluster}-dead.fifo`,
      retentionPeriod,
    });
    this.dead = new sqs.Queue(this, 'Dead', { ...common, queueName: `nodeless-${cluster}-dead`, retentionPeriod });
    const queue = (name: string, timeoutSeconds: number): sqs.Queue =>
      new sqs.Queue(this, `${name.charAt(0).toUpperCase()}${name.slice(1)}`, {
        ...fifo,
        queueName: `nodeless-${cluster}-${name}.fifo`,
        visibilityTimeout: Duration.seconds(6 * timeoutSeconds),
        deadLetterQueue: { queue: this.deadFifo, maxReceiveCount: 5 },
      });
    this.controllers = queue('controllers', functions.controllers.timeout);
    this.scheduler = queue('scheduler', functions.scheduler.timeout);
    this.kubelet = queue('kubelet', functions['virtual-kubelet'].timeout);
    this.later = new sqs.Queue(this, 'Later', {
      ...common,
      queueName: `nodeless-${cluster}-later`,
      visibilityTimeout: Duration.seconds(6 * functions.later.timeout),
      deadLetterQueue: { queue: this.dead, maxReceiveCount: 5 },
    });
  }
}
