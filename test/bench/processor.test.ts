import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { idleStretches, processorRows, watchProcessors, type Sample } from '../../bench/processor.js';

function sample(second: number, busy: number, doing = 'linking'): Sample {
  return { fromMs: second * 1_000, toMs: (second + 1) * 1_000, busy, doing };
}

describe('where the processors idle', () => {
  const samples = [
    sample(0, 0.2),
    sample(1, 0.4, 'downloading'),
    sample(2, 1),
    sample(3, 0.75),
    sample(4, 0),
  ];

  it('is in stretches of samples below three quarters', () => {
    expect(idleStretches(samples).map((stretch) => stretch.map(({ busy }) => busy))).toEqual([
      [0.2, 0.4],
      [0],
    ]);
  });

  it('is shown with how much they work, and with what went on at the end of each', () => {
    expect(processorRows(samples)).toEqual([
      ['  the processors work', '47 %', ''],
      ['    0.0 s to 2.0 s', '30 %: downloading', ''],
      ['    4.0 s to 5.0 s', '0 %: linking', ''],
    ]);
  });
});

it('sees that the processors work', async () => {
  const end = watchProcessors(() => 'waiting');
  for (const until = performance.now() + 100; performance.now() < until;);
  await sleep(0);
  const [only, ...others] = end();
  expect(others).toEqual([]);
  expect(only?.busy).toBeGreaterThan(0);
  expect(only?.busy).toBeLessThanOrEqual(1);
  expect(only?.doing).toBe('waiting');
});
