import { describe, expect, test } from 'vitest';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createPacer } from '@nodeless/virtual-kubelet/providers/fargate/pacer';

describe('a pacer', () => {
  test('lets a burst through at once, and the rest at its pace', async () => {
    const clock = createManualClock();
    const start = clock.now();
    const pacer = createPacer(clock, 5, 10);
    const at: number[] = [];
    for (let i = 0; i < 8; i++) void pacer.turn(60_000).then(() => at.push(clock.now() - start));
    await clock.advance(1_000);
    expect(at).toEqual([0, 0, 0, 0, 0, 100, 200, 300]);
    // A second has filled it again.
    const more: number[] = [];
    for (let i = 0; i < 6; i++) void pacer.turn(60_000).then(() => more.push(clock.now() - start));
    await clock.advance(1_000);
    expect(more.filter((t) => t === 1_000)).toHaveLength(5);
  });

  test('sends away who would have to wait too long, and keeps no place for them', async () => {
    const clock = createManualClock();
    const pacer = createPacer(clock, 1, 1);
    expect(await pacer.turn(0)).toBe(true);
    expect(await pacer.turn(999)).toBe(false);
    expect(await pacer.turn(999)).toBe(false);
    await clock.advance(1_000);
    expect(await pacer.turn(0)).toBe(true);
  });

  test('goes half as fast after a refusal, and finds back', async () => {
    const clock = createManualClock();
    const pacer = createPacer(clock, 1, 10);
    const gap = async (): Promise<number> => {
      const before = clock.now();
      let done = false;
      const turn = pacer.turn(60_000).then(() => (done = true));
      while (!done) await clock.advance(10);
      await turn;
      return clock.now() - before;
    };
    // Told in steps of 10 ms.
    const expectGap = async (ms: number): Promise<void> => expect(Math.abs((await gap()) - ms)).toBeLessThanOrEqual(10);
    await gap();
    await expectGap(100);
    pacer.refused();
    pacer.refused();
    await gap();
    await expectGap(200);
    for (let i = 0; i < 20; i++) await gap();
    await expectGap(100);
  });
});
