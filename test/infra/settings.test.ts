import { describe, expect, it } from 'vitest';
import { optionsFromContext } from '../../infra/app.ts';
import { halves, type NodelessOptions, parseCidr, resolveSettings } from '../../infra/settings.ts';

describe('settings', () => {
  it('have defaults for everything, and undefined counts as not given', () => {
    expect(resolveSettings()).toMatchObject({
      cluster: 'main',
      exposure: 'function-url',
      network: { zones: 2, egress: 'publicIp' },
    });
    expect(resolveSettings({ cluster: undefined, tags: undefined, network: { zones: undefined } })).toEqual(
      resolveSettings(),
    );
    expect(resolveSettings({ network: { zones: 3 } }).network).toMatchObject({ zones: 3, egress: 'publicIp' });
  });

  it('take deletion protection away from a table that is to go with its stack', () => {
    expect(resolveSettings({ state: { removal: 'destroy' } }).state.deletionProtection).toBe(false);
    expect(resolveSettings().state.deletionProtection).toBe(true);
  });

  const refused: [string, NodelessOptions, string][] = [
    ['a name with capitals', { cluster: 'Main' }, 'cluster: must be 1 to 24'],
    ['a name that is too long', { cluster: 'a'.repeat(25) }, 'cluster: must be'],
    ['a name that ends with a hyphen', { cluster: 'main-' }, 'cluster: must be'],
    ['an admin that is no principal', { admins: ['arn:aws:sts::123456789012:assumed-role/x/y'] }, 'admins: '],
    ['WAF before a function URL', { waf: true }, 'waf: needs exposure: edge'],
    ['one zone', { network: { zones: 1 } }, 'network.zones'],
    ['a range that is none', { network: { cidr: '10.0.0.1/16' } }, 'network.cidr'],
    ['ranges that overlap', { network: { serviceCidr: '10.0.128.0/20' } }, 'must not overlap'],
    ['a way out that there is not', { network: { egress: 'proxy' as 'nat' } }, 'network.egress'],
    [
      'protection of what is to go',
      { state: { removal: 'destroy', deletionProtection: true } },
      'state.deletionProtection',
    ],
    ['a retention that CloudWatch does not know', { logRetentionDays: 31 }, 'logRetentionDays'],
    ['a kill switch without its alarm', { monitoring: { killSwitch: true, alarms: false } }, 'monitoring.killSwitch'],
    [
      'concurrency for a function that there is not',
      { reservedConcurrency: { drain: 5 } as object },
      'reservedConcurrency.drain',
    ],
    ['concurrency of none', { reservedConcurrency: { apiserver: 0 } }, 'reservedConcurrency.apiserver'],
    ['a setting that there is not', { netwrok: {} } as object, 'netwrok: there is no such setting'],
    ['a nested one that there is not', { network: { zone: 2 } } as object, 'network.zone: there is no such setting'],
  ];
  for (const [name, options, message] of refused)
    it(`refuse ${name}`, () => {
      expect(() => resolveSettings(options)).toThrow(message);
    });

  it('tell every problem at once', () => {
    expect(() => resolveSettings({ cluster: 'X', waf: true, network: { zones: 9 } })).toThrow(
      /cluster: .*\n- waf: .*\n- network\.zones/s,
    );
  });
});

describe('ranges', () => {
  const cases: [string, ReturnType<typeof parseCidr>][] = [
    ['10.96.0.0/16', { base: 0x0a600000, prefix: 16 }],
    ['10.96.1.0/16', undefined],
    ['10.96.0.0/33', undefined],
    ['256.0.0.0/8', undefined],
    ['fd00::/8', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of cases)
    it(`reads ${text || 'nothing'}`, () => expect(parseCidr(text)).toEqual(expected));

  it('are halved', () => {
    expect(halves('10.96.0.0/16')).toEqual(['10.96.0.0/17', '10.96.128.0/17']);
    expect(halves('172.20.255.0/24')).toEqual(['172.20.255.0/25', '172.20.255.128/25']);
  });
});

describe('the context of the CDK', () => {
  it('is an object or JSON, with the name beside it', () => {
    expect(optionsFromContext(undefined, undefined)).toEqual({});
    expect(optionsFromContext({ waf: true }, 'test')).toEqual({ waf: true, cluster: 'test' });
    expect(optionsFromContext('{"cluster":"a"}', undefined)).toEqual({ cluster: 'a' });
  });
  for (const wrong of ['{', '[]', '"x"', 5, []])
    it(`refuses ${JSON.stringify(wrong)}`, () =>
      expect(() => optionsFromContext(wrong, undefined)).toThrow(/nodeless/));
});
