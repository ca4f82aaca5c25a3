import { describe, expect, it } from 'vitest';
import { loadAuthority, type SecretParameters } from '../../../../local/hub/authority.ts';
import { ownAddress } from '../../../../local/hub/own-address.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

function parametersWith(values: Map<string, string>): SecretParameters {
  return {
    get: (name) => Promise.resolve(values.get(name)),
    put: (name, value) => Promise.resolve(void values.set(name, value)),
    putSecret(name, value) {
      if (values.has(name)) return Promise.resolve(false);
      values.set(name, value);
      return Promise.resolve(true);
    },
  };
}

describe('the authority of the hub', () => {
  it('is made once, and kept', async () => {
    const parameters = parametersWith(new Map());
    const first = await loadAuthority(parameters, 'nodeless test', now);
    expect(await loadAuthority(parameters, 'nodeless test', now + 1)).toEqual(first);
  });

  it('is one of those that two processes make at once', async () => {
    const parameters = parametersWith(new Map());
    const [a, b] = await Promise.all([1, 2].map(() => loadAuthority(parameters, 'nodeless test', now)));
    expect(a).toEqual(b);
  });

  it.each(['{}', '{"certificate":"x"}'])('is refused when %s stands in its place', async (text) => {
    const parameters = parametersWith(new Map([['hub-authority', text]]));
    await expect(loadAuthority(parameters, 'nodeless test', now)).rejects.toThrow('holds no certificate with its key');
  });
});

describe('the own address', () => {
  const answers = (...texts: (string | Error)[]): typeof fetch => {
    const left = [...texts];
    return () => {
      const next = left.shift() ?? left.at(-1) ?? new Error('nobody answers');
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(new Response(next));
    };
  };
  it('is what the echo says, at the second try too', async () => {
    expect(await ownAddress(answers('203.0.113.7\n'))).toBe('203.0.113.7');
    expect(await ownAddress(answers(new Error('away'), '2001:db8::1'))).toBe('2001:db8::1');
  });
  it('is not what a captive portal says', async () => {
    await expect(ownAddress(answers('<html>'))).rejects.toThrow('set NODELESS_HUB_ADDRESS');
  });
});
