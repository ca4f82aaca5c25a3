/** The end of a cluster: its stack drains it and goes; its table stays unless it is asked for, too. */
import type { Clock } from '@nodeless/component-base/clock';
import { type Output, UserError } from '../output.ts';
import type { Cloud } from './cloud.ts';
import { stackNameOf } from './deploy-cluster.ts';
import { isSettled } from './deploy-plan.ts';
import { noCluster } from './errors.ts';
import { createStackFollower } from './follow-stack.ts';
import { remedyFor } from './progress.ts';

export interface DestroyRequest {
  readonly cluster: string;
  /** Also removes the table, with every object. */
  readonly purge?: boolean;
}

export interface DestroyDeps {
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly output: Output;
  /** Asked before anything is removed; false = it is not wanted. */
  readonly confirm: (question: string) => Promise<boolean>;
}

export interface Destroyed {
  readonly cluster: string;
  /** What stays. */
  readonly tables: readonly string[];
}

export async function destroyCluster(
  { cluster, purge = false }: DestroyRequest,
  deps: DestroyDeps,
): Promise<Destroyed> {
  const { cloud, output } = deps;
  const identity = await cloud.identity();
  const stackName = stackNameOf(cluster);
  const stack = await cloud.stack(stackName);
  // A stack that could not be made to the end has no outputs, and a table that is empty.
  const tables = async (): Promise<readonly string[]> => await cloud.tables(`${stackName}-`).catch(() => []);
  if (!stack) {
    const left = await tables();
    if (left.length === 0) throw noCluster(cluster, cloud.region, identity.account, await cloud.clusters());
    output.note(`The stack is gone already; ${left.join(', ')} of it is left.`);
  }
  const what = `the cluster ${cluster} in ${cloud.region} of account ${identity.account}, with everything that runs in it${purge ? ', its table and all its objects' : ''}`;
  if (!(await deps.confirm(`This removes ${what}.`))) throw new UserError('nothing was removed');
  if (stack) await removeStack(stackName, stack.status, deps);
  let left = await tables();
  if (purge) {
    for (const table of left) await cloud.deleteTable(table);
    left = [];
  }
  return { cluster, tables: left };
}

async function removeStack(stackName: string, status: string, { cloud, clock, output }: DestroyDeps): Promise<void> {
  const follower = createStackFollower({ cloud, clock, output, stackName });
  await follower.start();
  const ended = async (): Promise<boolean> => isSettled((await cloud.stack(stackName))?.status);
  if (!isSettled(status) && status !== 'DELETE_IN_PROGRESS') {
    output.note(`Somebody is at it already (${status}): waiting for the end of that.`);
    await follower.until(ended);
  }
  if (status === 'DELETE_FAILED') output.note('It was half removed before; that goes on.');
  if (status !== 'DELETE_IN_PROGRESS') await cloud.deleteStack(stackName);
  output.note('Draining: pods, load balancers, records and task definitions go first.');
  const failures = await follower.until(ended);
  const after = await cloud.stack(stackName);
  if (!after) return;
  const cause = failures[0] ?? after.reason ?? after.status;
  const remedy = remedyFor(cause);
  throw new UserError(`the cluster could not be removed: ${cause}${remedy ? `\n  → ${remedy}` : ''}`);
}
