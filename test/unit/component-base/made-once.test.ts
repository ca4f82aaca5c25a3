import { madeOnce } from '@nodeless/component-base/made-once';
import { expect, it } from 'vitest';

it('makes once for all that ask, and again after a failure', async () => {
  let times = 0;
  const get = madeOnce(async () => {
    times += 1;
    if (times === 1) throw new Error('not yet');
    return times;
  });
  const [first, second] = await Promise.allSettled([get(), get()]);
  expect([first.status, second.status, times]).toEqual(['rejected', 'rejected', 1]);
  expect(await Promise.all([get(), get()])).toEqual([2, 2]);
  expect(await get()).toBe(2);
});
