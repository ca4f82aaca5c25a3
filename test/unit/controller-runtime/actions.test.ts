import { describe, expect, it } from 'vitest';
import { notFound } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import { pods } from '@nodeless/client/resource-types';
import { create, event, perform, remove, requeue, slowStart, updateStatus } from '@nodeless/controller-runtime/actions';
import type { ReconcileContext } from '@nodeless/controller-runtime/controller';
import { aPod } from '../../builders/objects.ts';

function recording(fail: (call: string) => Error | undefined = () => undefined) {
  const calls: string[] = [];
  const note = (call: string): Promise<never> => {
    calls.push(call);
    const error = fail(call);
    return error ? Promise.reject(error) : Promise.resolve(undefined as never);
  };
  const client = {
    create: (type, object) => note(`create ${type.resource} ${object.metadata?.name}`),
    update: (type, object, options) => note(`update ${type.resource}/${options?.subresource} ${object.metadata?.name}`),
    delete: (type, key) => note(`delete ${type.resource} ${key.name}`),
  } as Partial<Client> as Client;
  const context = {
    client,
    events: { event: (_object, type, reason, message) => void calls.push(`${type} ${reason} ${message}`) },
  } as Partial<ReconcileContext> as ReconcileContext;
  return { calls, context };
}

describe('actions', () => {
  it('are performed in order; the shortest requeue is the result', async () => {
    const { calls, context } = recording();
    const pod = aPod('a');
    const result = await perform(
      [
        create(pods, pod),
        requeue(500),
        updateStatus(pods, pod),
        event(pod, 'Normal', 'Done', 'it'),
        requeue(20),
        remove(pods, { name: 'b' }),
      ],
      context,
    );
    expect(calls).toEqual(['create pods a', 'update pods/status a', 'Normal Done it', 'delete pods b']);
    expect(result).toEqual({ requeueAfterMs: 20 });
  });

  it('stop at the first that fails, but not at a delete of what is gone', async () => {
    const missing = recording((call) => (call.startsWith('delete') ? notFound(pods, 'b') : undefined));
    await perform([remove(pods, { name: 'b' }), create(pods, aPod('a'))], missing.context);
    expect(missing.calls).toHaveLength(2);
    const broken = recording((call) => (call.startsWith('create') ? new Error('no') : undefined));
    await expect(perform([create(pods, aPod('a')), remove(pods, { name: 'b' })], broken.context)).rejects.toThrow('no');
    expect(broken.calls).toHaveLength(1);
  });
});

describe('a slow start', () => {
  it('doubles its batches', async () => {
    let running = 0;
    const sizes: number[] = [];
    const result = await slowStart(10, async () => {
      running += 1;
      await Promise.resolve();
      if (running > 0) sizes.push(running);
      running = 0;
    });
    expect(result).toEqual({ succeeded: 10, error: undefined });
    expect(sizes).toEqual([1, 2, 4, 3]);
  });

  it('ends with the batch in which something failed, with the first error', async () => {
    const tried: number[] = [];
    const result = await slowStart(100, (i) => {
      tried.push(i);
      return i >= 4 ? Promise.reject(new Error(`no ${i}`)) : Promise.resolve();
    });
    expect(tried).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(result.succeeded).toBe(4);
    expect((result.error as Error).message).toBe('no 4');
  });
});
