import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { slotsOfMachine } from '../../src/targets/limits.js';

const gib = 2 ** 30;

describe('the slots of a machine', () => {
  it.each([
    ['cores, where there is memory', 2, 24 * gib, 2],
    ['memory, where there are cores', 16, 8 * gib, 5],
    ['at least one', 1, gib, 1],
  ])('are as many as it bears: %s', (_, cores, bytes, slots) => {
    expect(slotsOfMachine(cores, bytes)).toBe(slots);
  });

  it('are, here, no more than one a core', () => {
    expect(slotsOfMachine()).toBeGreaterThanOrEqual(1);
    expect(slotsOfMachine()).toBeLessThanOrEqual(availableParallelism());
  });
});
