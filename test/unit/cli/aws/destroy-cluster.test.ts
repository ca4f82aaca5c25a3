import { destroyCluster, type DestroyRequest } from 'nodeless/aws/destroy-cluster';
import { describe, expect, it } from 'vitest';
import { createFakeCloud, createFakeOutput, createManualClock, type FakeCloud, throughTime } from './fake-cloud.ts';

const stackName = 'nodeless-main';

async function destroy(cloud: FakeCloud, request: Partial<DestroyRequest> = {}, wanted = true) {
  const clock = createManualClock();
  const output = createFakeOutput();
  const questions: string[] = [];
  const result = throughTime(
    clock,
    destroyCluster(
      { cluster: 'main', ...request },
      { cloud, clock, output, confirm: async (question) => (questions.push(question), await Promise.resolve(wanted)) },
    ),
  );
  const [outcome] = await Promise.allSettled([result]);
  return {
    output,
    questions,
    destroyed: outcome.status === 'fulfilled' ? outcome.value : undefined,
    error: outcome.status === 'rejected' ? (outcome.reason as Error).message : undefined,
  };
}

/** A stack that goes when it is told to. */
function goingStack(status = 'CREATE_COMPLETE'): FakeCloud {
  const cloud = createFakeCloud({ tableNames: ['nodeless-main-Table-1'] });
  cloud.happen(stackName, status);
  cloud.deleteStack = async (name) => {
    cloud.deleted.push(name);
    cloud.happen(name, 'DELETE_IN_PROGRESS');
    let asked = 0;
    cloud.stack = async () => {
      if (++asked > 3) {
        cloud.stacks.delete(name);
        return undefined;
      }
      return await Promise.resolve(cloud.stacks.get(name));
    };
    return await Promise.resolve();
  };
  return cloud;
}

describe('nodeless destroy', () => {
  it('removes the stack and tells of the table that stays', async () => {
    const cloud = goingStack();
    const { destroyed, questions } = await destroy(cloud);
    expect(destroyed).toEqual({ cluster: 'main', tables: ['nodeless-main-Table-1'] });
    expect(cloud.deleted).toEqual([stackName]);
    expect(questions[0]).toContain('the cluster main in eu-central-1 of account 123456789012');
  });

  it('removes the table too when that is asked for, and says so before', async () => {
    const cloud = goingStack();
    const { destroyed, questions } = await destroy(cloud, { purge: true });
    expect(destroyed?.tables).toEqual([]);
    expect(cloud.tableNames).toEqual([]);
    expect(questions[0]).toContain('its table and all its objects');
  });

  it('removes nothing unless it is wanted', async () => {
    const cloud = goingStack();
    const { error } = await destroy(cloud, { purge: true }, false);
    expect(error).toBe('nothing was removed');
    expect([cloud.deleted, cloud.tableNames]).toEqual([[], ['nodeless-main-Table-1']]);
  });

  it('goes on with one that was half removed', async () => {
    const { destroyed, output } = await destroy(goingStack('DELETE_FAILED'));
    expect(destroyed).toBeDefined();
    expect(output.notes.join('\n')).toContain('half removed before');
  });

  it('tells why a stack would not go', async () => {
    const cloud = createFakeCloud();
    cloud.happen(stackName, 'CREATE_COMPLETE');
    cloud.deleteStack = async (name) => {
      cloud.happen(name, 'DELETE_IN_PROGRESS', {
        logicalId: 'ClusterLifecycleDrainE592ABDC',
        type: 'Custom::NodelessDrain',
        status: 'DELETE_FAILED',
        reason: 'still there: 3 tasks',
        ofStack: false,
      });
      cloud.happen(name, 'DELETE_FAILED', { reason: 'The following resource(s) failed to delete' });
      return await Promise.resolve();
    };
    const { error } = await destroy(cloud);
    expect(error).toContain('Lifecycle Drain (Custom::NodelessDrain): still there: 3 tasks');
    expect(error).toContain('then destroy again');
  });

  it('says which clusters there are when there is none of this name', async () => {
    const cloud = createFakeCloud();
    cloud.parametersOf.set('blue', new Map());
    expect((await destroy(cloud)).error).toBe(
      'there is no cluster "main" in eu-central-1 of account 123456789012; there is blue',
    );
  });

  it('removes a table that is left of a stack that is gone', async () => {
    const cloud = createFakeCloud({ tableNames: ['nodeless-main-Table-1', 'nodeless-maine-Table-2'] });
    const { destroyed } = await destroy(cloud, { purge: true });
    expect(destroyed?.tables).toEqual([]);
    expect(cloud.tableNames).toEqual(['nodeless-maine-Table-2']);
  });
});
