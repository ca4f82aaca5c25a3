import { expect, test } from 'vitest';
import type { TokenRequest } from '@nodeless/apimachinery/generated/types/authentication/v1';
import type { Client } from '@nodeless/client/client';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createServiceAccountTokens } from '@nodeless/virtual-kubelet/service-account-tokens';

function setup(lifeSeconds = 3600) {
  const clock = createManualClock();
  const asked: unknown[] = [];
  const client = {
    create: async (_type: unknown, request: TokenRequest, options: unknown) => {
      asked.push([request.metadata, request.spec, options]);
      return {
        status: {
          token: `t${asked.length}`,
          expirationTimestamp: new Date(clock.now() + lifeSeconds * 1000).toISOString(),
        },
      };
    },
  } as unknown as Client;
  return { clock, asked, tokens: createServiceAccountTokens({ client, clock }) };
}
const pod = { metadata: { namespace: 'ns', name: 'p', uid: 'u' }, spec: { serviceAccountName: 'sa', containers: [] } };

test("a token is asked for in the pod's name, bound to it", async () => {
  const { asked, tokens } = setup();
  expect(await tokens.token(pod, '', 3607)).toBe('t1');
  expect(await tokens.token(pod, 'vault', 600)).toBe('t2');
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'u' };
  expect(asked).toEqual([
    [
      { namespace: 'ns', name: 'sa' },
      { audiences: [], expirationSeconds: 3607, boundObjectRef },
      { subresource: 'token' },
    ],
    [
      { namespace: 'ns', name: 'sa' },
      { audiences: ['vault'], expirationSeconds: 600, boundObjectRef },
      { subresource: 'token' },
    ],
  ]);
});

test('it is used for four fifths of its life, then renewed', async () => {
  const { clock, tokens } = setup(1000);
  expect(await tokens.token(pod, '', 1000)).toBe('t1');
  expect(tokens.renewAt('u')).toBe(clock.now() + 800_000);
  await clock.advance(799_999);
  expect(await tokens.token(pod, '', 1000)).toBe('t1');
  await clock.advance(1);
  expect(await tokens.token(pod, '', 1000)).toBe('t2');
});

test('a long-lived one is renewed each day, and a pod that is gone has none', async () => {
  const { clock, tokens } = setup(10 * 86_400);
  await tokens.token(pod, '', 1);
  expect(tokens.renewAt('u')).toBe(clock.now() + 86_400_000);
  tokens.forget('u');
  expect(tokens.renewAt('u')).toBeUndefined();
  expect(await tokens.token(pod, '', 1)).toBe('t2');
});
