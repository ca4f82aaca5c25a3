/** What API requests cost in requests to AWS, counted at the built bundle: numbers that no busy machine can change. */
import { request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FunctionCluster, startFunctionCluster, whyNoFunctionCluster } from './function-cluster.ts';

const why = whyNoFunctionCluster();

describe.skipIf(why !== undefined)(`requests of the function to AWS${why ? ` (skipped: ${why})` : ''}`, () => {
  let cluster: FunctionCluster;
  let token: string;
  beforeAll(async () => {
    cluster = await startFunctionCluster();
    token = cluster.token('ann');
  }, 60_000);
  afterAll(() => cluster?.stop());

  /** One after the other, so that one environment serves them all. */
  const count = async (path: string, method = 'GET', body?: object) => {
    // An answer is complete a little before its environment is free.
    await delay(100);
    cluster.database.take();
    const [ssm, sts] = [cluster.parameters.calls(), cluster.sts.calls()];
    const status = await new Promise<number>((resolve, reject) => {
      request(
        `${cluster.host.url}${path}`,
        {
          ca: cluster.host.ca,
          method,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        },
        (response) => response.resume().on('end', () => resolve(response.statusCode ?? 0)),
      )
        .on('error', reject)
        .end(body && JSON.stringify(body));
    });
    const operations = cluster.database.take();
    const dynamo = Object.values(operations).reduce((sum, one) => sum + one, 0);
    return { status, operations, dynamo, ssm: cluster.parameters.calls() - ssm, sts: cluster.sts.calls() - sts };
  };
  const configMap = '/api/v1/namespaces/default/configmaps/none';

  it('are few when it wakes, and fewer after', async () => {
    await cluster.host.recycle();
    const cold = await count(configMap);
    expect(cold).toMatchObject({ status: 404, ssm: 1, sts: 1 });
    expect(cold.dynamo).toBeLessThanOrEqual(25);
    const warm = await count(configMap);
    expect(warm).toMatchObject({ status: 404, ssm: 0, sts: 0 });
    expect(warm.dynamo).toBeLessThanOrEqual(2);
    await delay(1_100);
    // Roles and definitions are looked after.
    expect((await count(configMap)).dynamo).toBeLessThanOrEqual(7);
  });
  it('are one look at the log for a list, and a transaction for a write', async () => {
    await count('/api/v1/namespaces/default/configmaps');
    expect((await count('/api/v1/namespaces/default/configmaps')).dynamo).toBeLessThanOrEqual(3);
    await count('/api/v1/namespaces/default/configmaps', 'POST', { metadata: { name: 'first' } });
    const { status, operations, dynamo } = await count('/api/v1/namespaces/default/configmaps', 'POST', {
      metadata: { name: 'second' },
    });
    expect(status).toBe(201);
    expect(operations['TransactWriteItems']).toBe(1);
    expect(dynamo).toBeLessThanOrEqual(8);
  });
  it('are none of the table for documents', async () => {
    for (const path of ['/openapi/v3', '/apis', '/version']) {
      await count(path);
      expect((await count(path)).dynamo, path).toBeLessThanOrEqual(1);
    }
  });
});
