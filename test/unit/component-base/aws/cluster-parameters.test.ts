import type { SSMClient } from '@aws-sdk/client-ssm';
import { createClusterParameters } from '@nodeless/component-base/aws/cluster-parameters';
import { ensureSigningKey } from '@nodeless/apiserver/aws/signing-key';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { describe, expect, it } from 'vitest';

type Command = { constructor: { name: string }; input: Record<string, unknown> };

/** SSM with two values a page. */
function setUp(initial: Record<string, string> = {}) {
  const clock = createManualClock();
  const values = new Map(Object.entries(initial));
  const state = { reads: 0, inputs: [] as Record<string, unknown>[], fail: undefined as Error | undefined };
  const send = ({ constructor, input }: Command): Promise<object> => {
    state.inputs.push(input);
    if (state.fail) return Promise.reject(state.fail);
    if (constructor.name === 'PutParameterCommand') {
      values.set(String(input['Name']), String(input['Value']));
      return Promise.resolve({});
    }
    state.reads++;
    const all = [...values].filter(([name]) => name.startsWith(`${String(input['Path'])}/`));
    const from = Number(input['NextToken'] ?? 0);
    const page = all.slice(from, from + 2).map(([Name, Value]) => ({ Name, Value }));
    return Promise.resolve({ Parameters: page, ...(from + 2 < all.length ? { NextToken: String(from + 2) } : {}) });
  };
  const client = { send } as unknown as Pick<SSMClient, 'send'>;
  const parameters = createClusterParameters({ client, path: '/nodeless/main', clock });
  return { clock, values, state, client, parameters };
}

describe('createClusterParameters', () => {
  it('reads all pages at once, and keeps what it read', async () => {
    const { clock, values, state, parameters } = setUp({
      '/nodeless/main/endpoint': 'https://x',
      '/nodeless/main/access': '[]',
      '/nodeless/main/service-account-key': 'PEM',
      '/nodeless/main2/endpoint': 'https://y',
    });
    expect(
      await Promise.all(['endpoint', 'access', 'service-account-key', 'none'].map((name) => parameters.get(name))),
    ).toEqual(['https://x', '[]', 'PEM', undefined]);
    expect(state.reads).toBe(2);
    expect(state.inputs[0]).toMatchObject({ Path: '/nodeless/main', WithDecryption: true });
    values.set('/nodeless/main/access', '[1]');
    await clock.advance(60_000);
    expect(await parameters.get('access')).toBe('[]');
    expect(await parameters.get('access', 15_000)).toBe('[1]');
    values.set('/nodeless/main/access', '[2]');
    await clock.advance(5 * 60_000);
    expect(await parameters.get('access')).toBe('[2]');
  });
  it('goes on with what it had when SSM cannot be asked', async () => {
    const { clock, state, parameters } = setUp({ '/nodeless/main/endpoint': 'https://x' });
    state.fail = new Error('throttled');
    await expect(parameters.get('endpoint')).rejects.toThrow('throttled');
    state.fail = undefined;
    expect(await parameters.get('endpoint')).toBe('https://x');
    state.fail = new Error('throttled');
    await clock.advance(60 * 60_000);
    expect(await parameters.get('endpoint')).toBe('https://x');
  });
});

describe('ensureSigningKey', () => {
  it('makes a key once', async () => {
    const { values, state, client, parameters } = setUp();
    const ensure = (): Promise<void> =>
      ensureSigningKey({ client, parameters, path: '/nodeless/main', cluster: 'main' });
    await ensure();
    const made = values.get('/nodeless/main/service-account-key');
    expect(made).toContain('BEGIN PRIVATE KEY');
    expect(state.inputs.at(-1)).toMatchObject({ Type: 'SecureString', Overwrite: false });
    await ensure();
    expect(values.get('/nodeless/main/service-account-key')).toBe(made);
  });
  it('is content when somebody else was faster', async () => {
    const { client, parameters } = setUp();
    const faster = {
      send: (command: Command) =>
        command.constructor.name === 'PutParameterCommand'
          ? Promise.reject(Object.assign(new Error('exists'), { name: 'ParameterAlreadyExists' }))
          : (client.send as unknown as (c: Command) => Promise<object>)(command),
    } as unknown as Pick<SSMClient, 'send'>;
    const options = { client: faster, parameters, path: '/nodeless/main', cluster: 'main' };
    await expect(ensureSigningKey(options)).resolves.toBeUndefined();
  });
});
