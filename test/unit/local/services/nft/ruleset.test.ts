import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deltaText, fullText, type Ruleset } from '../../../../../local/services/nft/ruleset.ts';

/** As much of nft as our texts use; it complains where nft would. */
function createTable() {
  const sets = new Set<string>();
  const chains = new Map<string, string[]>();
  const elements = new Map<string, Map<string, string>>([
    ['services', new Map()],
    ['ips', new Map()],
  ]);
  const must = (ok: boolean, line: string): void => {
    if (!ok) throw new Error(`nft would refuse: ${line}`);
  };
  const refers = (text: string, name: string): boolean => text.split(/[ {},]+/).includes(name);
  const run = (line: string): void => {
    const [verb, kind, , , name = '', ...rest] = line.split(' ');
    if (verb === 'add' && kind === 'set') {
      must(!sets.has(name), line);
      sets.add(name);
    } else if (verb === 'add' && kind === 'chain') {
      must(!chains.has(name), line);
      chains.set(name, []);
    } else if (verb === 'add' && kind === 'rule') {
      const rule = rest.join(' ');
      const [, jump] = /goto (\S+)/.exec(rule) ?? [];
      must(chains.has(name) && (jump === undefined || chains.has(jump)), line);
      chains.get(name)?.push(rule);
    } else if (verb === 'flush') {
      must(chains.has(name), line);
      chains.set(name, []);
    } else if (verb === 'delete' && kind === 'chain') {
      const used =
        [...chains].some(([other, body]) => other !== name && body.some((rule) => refers(rule, name))) ||
        [...elements.values()].some((map) => [...map.values()].some((data) => refers(data, name)));
      must(chains.get(name)?.length === 0 && !used, line);
      chains.delete(name);
    } else if (verb === 'delete' && kind === 'set') {
      must(sets.has(name) && ![...chains.values()].flat().some((rule) => refers(rule, `@${name}`)), line);
      sets.delete(name);
    } else if (kind === 'element') {
      const items = rest
        .join(' ')
        .replace(/^\{ | \}$/g, '')
        .split(', ');
      for (const item of items) {
        const [key = '', data = ''] = item.split(' : ');
        const map = elements.get(name);
        if (verb === 'add') {
          const [, jump] = /goto (\S+)/.exec(data) ?? [];
          must(map !== undefined && !map.has(key) && (jump === undefined || chains.has(jump)), line);
          map?.set(key, data);
        } else {
          must(map?.get(key) === data, line);
          map?.delete(key);
        }
      }
    } else must(false, line);
  };
  return {
    apply: (text: string) => text.split('\n').filter(Boolean).forEach(run),
    state: () => ({ sets, chains, elements }),
  };
}

const name = fc.constantFrom('a', 'b', 'c', 'd');
/** Chains that go to later ones only, rules that use sets that are there: as ours do. */
const rulesets: fc.Arbitrary<Ruleset> = fc
  .record({
    chains: fc.uniqueArray(name),
    sets: fc.uniqueArray(name),
    keys: fc.dictionary(fc.constantFrom('1', '2', '3'), fc.nat(3)),
    ips: fc.uniqueArray(fc.constantFrom('x', 'y')),
    salt: fc.nat(2),
  })
  .map(({ chains, sets, keys, ips, salt }) => {
    const sorted = chains.sort();
    const body = (at: number): string[] => [
      ...sets.map((set) => `ip saddr @s${set} accept`),
      ...(sorted[at + 1] ? [`goto c${sorted[at + 1]}`] : []),
      ...(salt ? [`counter ${salt}`] : []),
    ];
    return {
      skeleton: '',
      sets: new Map(sets.map((set) => [`s${set}`, 'type ipv4_addr;'])),
      chains: new Map(sorted.map((chain, i) => [`c${chain}`, body(i)])),
      elements: new Map([
        [
          'services',
          new Map(
            Object.entries(keys).flatMap(([key, n]): [string, string][] =>
              sorted.length > 0 ? [[key, `goto c${sorted[n % sorted.length]}`]] : [],
            ),
          ),
        ],
        ['ips', new Map(ips.map((ip) => [ip, '']))],
      ]),
    };
  });
const nothing: Ruleset = {
  skeleton: '',
  sets: new Map(),
  chains: new Map(),
  elements: new Map([
    ['services', new Map()],
    ['ips', new Map()],
  ]),
};

describe('the difference of two rulesets', () => {
  it('turns the one into the other, in an order that nft takes', () => {
    fc.assert(
      fc.property(rulesets, rulesets, (from, to) => {
        const stepwise = createTable();
        stepwise.apply(deltaText(nothing, from));
        stepwise.apply(deltaText(from, to));
        const atOnce = createTable();
        atOnce.apply(deltaText(nothing, to));
        expect(stepwise.state()).toEqual(atOnce.state());
      }),
      { numRuns: 500 },
    );
  });

  it('is nothing where nothing differs', () => {
    fc.assert(fc.property(rulesets, (rules) => deltaText(rules, structuredClone(rules)) === ''));
  });
});

describe('the whole text', () => {
  it('replaces the table in one transaction', () => {
    const rules: Ruleset = {
      skeleton: 'map services { type ipv4_addr : verdict; }',
      sets: new Map([['s', 'type ipv4_addr;']]),
      chains: new Map([['c', ['accept']]]),
      elements: new Map([['services', new Map([['10.96.0.1', 'goto c']])]]),
    };
    expect(fullText(rules).split('\n')).toEqual([
      'table ip nodeless',
      'delete table ip nodeless',
      'table ip nodeless {',
      'map services { type ipv4_addr : verdict; }',
      'set s { type ipv4_addr; }',
      'chain c {',
      '}',
      '}',
      'add rule ip nodeless c accept',
      'add element ip nodeless services { 10.96.0.1 : goto c }',
      '',
    ]);
  });
});
