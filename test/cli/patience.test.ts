import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Patience } from '../../src/cli/patience.js';

/** Nobody waits between two questions. */
const inAHurry = AbortSignal.abort();
const silence = new Error('nobody answers');

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => vi.useRealTimers());

it('gives up with what was not answered when that goes on for too long', async () => {
  const patience = new Patience(5_000);
  await patience.endure(silence, inAHurry);
  vi.advanceTimersByTime(5_000);
  await patience.endure(silence, inAHurry);
  expect(patience.tries).toBe(2);
  vi.advanceTimersByTime(1);
  await expect(patience.endure(silence, inAHurry)).rejects.toBe(silence);
});

it('begins anew with every answer', async () => {
  const patience = new Patience(5_000);
  await patience.endure(silence, inAHurry);
  patience.answered();
  vi.advanceTimersByTime(60_000);
  await patience.endure(silence, inAHurry);
  expect(patience.tries).toBe(1);
});
