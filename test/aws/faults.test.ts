import { DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { EC2Client, DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import { ECSClient, ListTasksCommand } from '@aws-sdk/client-ecs';
import { describe, expect, it } from 'vitest';
import { type Fault, injectFaults } from './rigs/faults.ts';
import { addMiddleware } from './rigs/sdk-middleware.ts';

const common = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

/** A client with faults over a service that counts. */
function rig(plan: readonly (Fault | undefined)[] | { seed: number; rates: Partial<Record<Fault, number>> }) {
  const client = new DynamoDBClient(common);
  const faults = injectFaults(client, 'seed' in plan ? plan : { plan: ({ calls }) => plan[calls] });
  const arrived: string[] = [];
  addMiddleware(client, 'service', ({ operation }) => {
    arrived.push(operation);
    return Promise.resolve({ $metadata: {}, Count: arrived.length });
  });
  return { client, faults, arrived };
}

const put = new PutItemCommand({ TableName: 'table', Item: {} });
const name = (thrown: unknown): string => (thrown as Error).name;

describe('faults between the SDK and a service', () => {
  const refusals: readonly (readonly [Fault, string, number])[] = [
    ['throttle', 'ProvisionedThroughputExceededException', 0],
    ['server-error', 'InternalServerError', 0],
    ['access-denied', 'AccessDeniedException', 0],
    ['expired-credentials', 'ExpiredTokenException', 0],
    ['lost', 'TimeoutError', 0],
    ['unanswered', 'TimeoutError', 1],
  ];
  for (const [fault, error, done] of refusals) {
    it(`${fault}: the sender hears ${error}, the service ${done === 0 ? 'nothing' : 'did it'}`, async () => {
      const { client, faults, arrived } = rig([fault]);
      expect(await client.send(put).catch(name)).toBe(error);
      expect(arrived).toHaveLength(done);
      expect(faults.log).toEqual([{ operation: 'PutItem', fault }]);
      expect(await client.send(put)).toMatchObject({ $metadata: {} });
      expect(arrived).toHaveLength(done + 1);
    });
  }

  it('twice: the service does it twice, the sender hears once', async () => {
    const { client, arrived } = rig(['twice']);
    await client.send(put);
    expect(arrived).toEqual(['PutItem', 'PutItem']);
  });

  it('stale: a weak read is answered as the time before, a strong one never', async () => {
    const { client } = rig([undefined, undefined, 'stale', 'stale']);
    const query = (table: string, ConsistentRead = false) =>
      client.send(new QueryCommand({ TableName: table, ConsistentRead }));
    expect((await query('one')).Count).toBe(1);
    expect((await query('two')).Count).toBe(2);
    expect((await query('one')).Count).toBe(1);
    expect((await query('one', true)).Count).toBe(3);
  });

  it('one-a-page: pages are as small as the service lets them be', async () => {
    const limits: unknown[] = [];
    const through = <T extends ECSClient | EC2Client | DynamoDBClient>(client: T): T => {
      injectFaults(client, { plan: () => 'one-a-page' });
      addMiddleware(client, 'service', ({ input }) => {
        limits.push(input['maxResults'] ?? input['MaxResults'] ?? input['Limit']);
        return Promise.resolve({ $metadata: {} });
      });
      return client;
    };
    await through(new ECSClient(common)).send(new ListTasksCommand({ maxResults: 100 }));
    await through(new EC2Client(common)).send(new DescribeSubnetsCommand({}));
    await through(new DynamoDBClient(common)).send(new QueryCommand({ TableName: 'table' }));
    await through(new DynamoDBClient(common)).send(new GetItemCommand({ TableName: 'table', Key: {} }));
    expect(limits).toEqual([1, 5, 1, undefined]);
  });

  it('the same seed gives the same faults, another one others', async () => {
    const run = async (seed: number): Promise<unknown> => {
      const { client, faults } = rig({ seed, rates: { throttle: 0.3, unanswered: 0.2 } });
      for (let n = 0; n < 30; n++) await client.send(put).catch(() => {});
      return faults.log;
    };
    const first = await run(1);
    expect(first).not.toEqual([]);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  it('can be turned off', async () => {
    const { client, faults } = rig(['lost', 'lost']);
    faults.enabled = false;
    await client.send(put);
    faults.enabled = true;
    expect(await client.send(put).catch(name)).toBe('TimeoutError');
  });
});
