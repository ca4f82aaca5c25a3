import { createManualClock } from '@nodeless/component-base/manual-clock';
import { trimWhenIdle } from '@nodeless/local/idle-memory';
import { describe, expect, it } from 'vitest';

const mebibyte = 1024 * 1024;

/** Works the given milliseconds in each of the seconds, and tells after which of them memory was collected. */
async function collections(work: readonly number[], heap = 50 * mebibyte): Promise<number[]> {
  const clock = createManualClock();
  const found: number[] = [];
  let cpu = 0;
  let second = 0;
  const collect = (): void => {
    found.push(second);
    cpu += 50;
  };
  const trimming = trimWhenIdle({ clock, cpuMs: () => cpu, heapBytes: () => heap, collect });
  for (const ms of work) {
    second++;
    cpu += ms;
    await clock.advance(1_000);
  }
  trimming.stop();
  return found;
}

describe('memory of an idle process', () => {
  it.each([
    ['after the start, when it is over', [800, 5, 5, 5, 5, 5], [3]],
    ['not while there is work', [800, 500, 500, 500, 500], []],
    ['not in a single quiet second', [800, 5, 500, 5, 500, 5], []],
    ['once for each busy time', [800, 5, 5, 5, 600, 5, 5, 5, 5], [3, 7]],
    ['not for the heartbeats of an idle cluster', [800, ...Array<number>(20).fill(5)], [3]],
    ['in the end also for much small work', [800, 5, 5, ...Array<number>(20).fill(20)], [3, 18]],
  ])('is given back %s', async (_, work, expected) => {
    expect(await collections(work)).toEqual(expected);
  });

  it('is kept where it would take long to look through', async () => {
    expect(await collections([800, 5, 5, 5], 300 * mebibyte)).toEqual([]);
  });
});
