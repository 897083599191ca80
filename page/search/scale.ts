import type { SearchHit } from '../../src/domain/proof.js';

export interface Point {
  readonly hit: SearchHit;
  /** In parts of the width and the height, from the left and from below. */
  readonly x: number;
  readonly y: number;
}

export interface PlotScale {
  readonly points: readonly Point[];
  /** Milliseconds, with their height: 1, 10, 100 … and halves of them where these are few. */
  readonly levels: readonly { readonly ms: number; readonly y: number }[];
}

export function startMsOf({ startNs }: Pick<SearchHit, 'startNs'>): number {
  return Number(BigInt(startNs) / 1_000_000n);
}

/** Durations over time; durations by their logarithm, as they differ by powers of ten. */
export function plotOf(hits: readonly SearchHit[], fromMs: number, toMs: number): PlotScale {
  const durations = hits.map(({ durationMs }) => Math.max(durationMs, 0.1));
  const low = Math.log10(Math.min(...durations, 1_000)) - 0.1;
  const high = Math.max(Math.log10(Math.max(...durations, 1)) + 0.1, low + 0.3);
  const height = (ms: number): number => (Math.log10(Math.max(ms, 0.1)) - low) / (high - low);
  const inside = (y: number): boolean => y >= 0 && y <= 1;
  const level = (factor: number): PlotScale['levels'] =>
    Array.from({ length: 9 }, (_, power) => factor * 10 ** (power - 1))
      .map((ms) => ({ ms, y: height(ms) }))
      .filter(({ y }) => inside(y));
  const whole = level(1);
  return {
    points: hits.map((hit) => ({
      hit,
      x: Math.min(Math.max((startMsOf(hit) - fromMs) / (toMs - fromMs || 1), 0), 1),
      y: height(hit.durationMs),
    })),
    levels: whole.length > 1 ? whole : [...whole, ...level(2), ...level(5)],
  };
}

/** A round distance in time, so that about `most` lines stand between the two. @returns milliseconds */
export function timeLines(fromMs: number, toMs: number, most: number): readonly number[] {
  const steps = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400,
  ];
  const step = (steps.find((it) => (toMs - fromMs) / (it * 1_000) <= most) ?? 604_800) * 1_000;
  const first = Math.ceil(fromMs / step);
  const count = Math.max(0, Math.floor(toMs / step) - first + 1);
  return Array.from({ length: Math.min(count, 100) }, (_, index) => (first + index) * step);
}
