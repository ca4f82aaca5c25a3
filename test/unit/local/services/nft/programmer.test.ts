import { Duplex } from 'node:stream';
import { silentLogger } from '@nodeless/component-base/logger';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { describe, expect, it } from 'vitest';
import { createRuleProgrammer } from '../../../../../local/services/nft/programmer.ts';
import type { Renderer } from '../../../../../local/services/nft/render.ts';
import type { Ruleset } from '../../../../../local/services/nft/ruleset.ts';

interface Call {
  readonly namespace: string;
  readonly identity: string;
  readonly text: string;
}

/** The far end of a shell: reads scripts, answers for each namespace as told. */
function createFakeHelper() {
  const calls: Call[] = [];
  const state = { opened: 0, answer: (_call: Call): 'applied' | 'gone' | 'failed no' => 'applied', silent: false };
  let current: Duplex | undefined;
  const open = async (): Promise<Duplex> => {
    state.opened++;
    let script = '';
    const stream: Duplex = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        script += chunk.toString();
        const end = /\nwait\necho "(\d+) end"\n/.exec(script);
        if (end && !state.silent) {
          const whole = script;
          script = '';
          run(stream, whole, end[1] as string);
        }
        done();
      },
    });
    current = stream;
    return stream;
  };
  const run = (stream: Duplex, script: string, batch: string): void => {
    const files = new Map(
      [...script.matchAll(/^cat > (\S+) <<'(\S+)'\n([^]*?)\n\2$/gm)].map((match) => [
        match[1] as string,
        match[3] as string,
      ]),
    );
    for (const [, , file = '', id, namespace = '', identity = ''] of script.matchAll(
      /^p (\d+) (\S+) '([^']*)' '([^']*)' '([^']*)' &$/gm,
    )) {
      const call = { namespace, identity, text: files.get(file) ?? '' };
      calls.push(call);
      const [word, ...rest] = state.answer(call).split(' ');
      stream.push(
        `${batch} ${word} ${id}${word === 'applied' ? ` ${namespace.replaceAll(/\D/g, '') || '1'}` : rest.length ? ` ${rest.join(' ')}` : ''}\n`,
      );
    }
    stream.push(`${batch} end\n`);
  };
  return { calls, state, open, breakOff: () => current?.destroy() };
}

const rules = (marker: string): Ruleset => ({
  skeleton: '',
  sets: new Map(),
  chains: new Map([['c', [marker]]]),
  elements: new Map(),
});
const rendererOf = (marker: string): Renderer => {
  const [pod, node] = [rules(`pod ${marker}`), rules(`node ${marker}`)];
  return { pod: () => pod, node: () => node };
};
const isWhole = ({ text }: Call): boolean => text.startsWith('table ip nodeless\ndelete table');
const set = () => {
  const helper = createFakeHelper();
  const clock = createManualClock();
  const programmer = createRuleProgrammer({ open: () => helper.open(), clock, log: silentLogger });
  return { ...helper, clock, programmer };
};

describe('the rule programmer', () => {
  it('writes a new pod whole, and what changes by the difference', async () => {
    const { programmer, calls, clock } = set();
    void programmer.addNode('n1');
    programmer.want(rendererOf('1'));
    await programmer.addPod('u1', 'n1', '/proc/77/ns/net');
    expect(calls.map((call) => [call.namespace, isWhole(call)])).toEqual([
      ['/proc/self/ns/net', true],
      ['/proc/77/ns/net', true],
    ]);
    programmer.want(rendererOf('2'));
    await clock.advance(0);
    await programmer.settled();
    expect(calls.slice(2)).toEqual([
      {
        namespace: '/proc/self/ns/net',
        identity: '1',
        text: 'flush chain ip nodeless c\nadd rule ip nodeless c node 2',
      },
      { namespace: '/proc/77/ns/net', identity: '77', text: 'flush chain ip nodeless c\nadd rule ip nodeless c pod 2' },
    ]);
  });

  it('waits for the first rules', async () => {
    const { programmer, calls } = set();
    const added = programmer.addPod('u1', 'n1', '/proc/77/ns/net');
    expect(calls).toEqual([]);
    programmer.want(rendererOf('1'));
    await added;
    expect(calls).toHaveLength(1);
  });

  it('writes only the last of several changes', async () => {
    const { programmer, calls, clock } = set();
    programmer.want(rendererOf('1'));
    await programmer.addPod('u1', 'n1', '/proc/77/ns/net');
    for (const marker of ['2', '3', '4']) programmer.want(rendererOf(marker));
    await clock.advance(0);
    await programmer.settled();
    expect(calls.at(-1)?.text).toContain('pod 4');
    expect(calls.length).toBeLessThanOrEqual(3);
  });

  it('writes anew where a difference does not fit', async () => {
    const { programmer, calls, state, clock } = set();
    programmer.want(rendererOf('1'));
    await programmer.addPod('u1', 'n1', '/proc/77/ns/net');
    state.answer = (call) => (isWhole(call) ? 'applied' : 'failed no');
    programmer.want(rendererOf('2'));
    await clock.advance(0);
    await programmer.settled();
    expect(calls.slice(1).map(isWhole)).toEqual([false, true]);
  });

  it('forgets a pod that is gone, and tells who waits for it', async () => {
    const { programmer, calls, state, clock } = set();
    programmer.want(rendererOf('1'));
    state.answer = () => 'gone';
    await expect(programmer.addPod('u1', 'n1', '/proc/77/ns/net')).rejects.toThrow('no network namespace');
    programmer.want(rendererOf('2'));
    await clock.advance(0);
    await programmer.settled();
    expect(calls).toHaveLength(1);
  });

  it('tells who waits that nft refused, and tries again', async () => {
    const { programmer, state, clock } = set();
    programmer.want(rendererOf('1'));
    state.answer = () => 'failed no';
    await expect(programmer.addPod('u1', 'n1', '/proc/77/ns/net')).rejects.toThrow('no');
    state.answer = () => 'applied';
    const settled = programmer.settled();
    await clock.advance(1_000);
    await settled;
  });

  it('writes a node anew when its helper was lost, and pods that it knew by the difference', async () => {
    const { programmer, calls, state, clock, breakOff } = set();
    void programmer.addNode('n1');
    programmer.want(rendererOf('1'));
    await programmer.addPod('u1', 'n1', '/proc/77/ns/net');
    const before = calls.length;
    breakOff();
    await clock.advance(1_000);
    expect(state.opened).toBe(2);
    expect(calls.slice(before).map((call) => [call.namespace, isWhole(call)])).toEqual([['/proc/self/ns/net', true]]);
  });

  it('gives up on a helper that does not answer, and asks again', async () => {
    const { programmer, state, clock } = set();
    state.silent = true;
    programmer.want(rendererOf('1'));
    const added = programmer.addPod('u1', 'n1', '/proc/77/ns/net');
    const failed = expect(added).rejects.toThrow('did not answer in time');
    await clock.advance(20_000);
    await failed;
    state.silent = false;
    const settled = programmer.settled();
    await clock.advance(1_000);
    await settled;
    expect(state.opened).toBe(2);
  });

  it('does not mix up nodes', async () => {
    const { programmer, state } = set();
    programmer.want(rendererOf('1'));
    await Promise.all([
      programmer.addPod('u1', 'n1', '/proc/1/ns/net'),
      programmer.addPod('u2', 'n2', '/proc/2/ns/net'),
    ]);
    expect(state.opened).toBe(2);
  });
});
