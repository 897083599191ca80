import { describe, expect, it } from 'vitest';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { chanceOf } from './chance.js';
import { playRound } from './round.js';

const reason = await whyNoCluster();
/** Its first two rounds are an install and an upgrade. */
const seed = 2;

describe('chance', () => {
  it('is the same for the same seed and round, and another for another', () => {
    const drawn = (seedOf: number, round: number): number[] => {
      const { between } = chanceOf(seedOf, round);
      return Array.from({ length: 8 }, () => between(1, 1_000));
    };
    expect(drawn(7, 1)).toEqual(drawn(7, 1));
    expect(drawn(7, 1)).not.toEqual(drawn(7, 2));
    expect(drawn(7, 1)).not.toEqual(drawn(8, 1));
  });
});

describe.skipIf(reason !== undefined)(`chaos${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  it.each([1, 2])('is survived: round %i', { timeout: 600_000 }, async (round) => {
    const played = await playRound(seed, round);
    console.log(played);
    expect(played.wrong).toEqual([]);
  });
});
