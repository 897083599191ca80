import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { mersenne } from 'pure-rand/generator/mersenne';

/** Numbers that look random and are the same for the same seed. */
export interface Chance {
  /** A whole number, both ends included. */
  readonly between: (least: number, most: number) => number;
  /** From 0 to below 1. */
  readonly fraction: () => number;
}

/** Each round has a chance of its own, so that one can be played again without those before it. */
export function chanceOf(seed: number, round: number): Chance {
  const generator = mersenne(seed * 1_000_003 + round);
  const between = (least: number, most: number): number => uniformInt(generator, least, most);
  return { between, fraction: () => between(0, 0x7fffffff) / 0x80000000 };
}
