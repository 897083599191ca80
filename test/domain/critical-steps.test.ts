import { describe, expect, it } from 'vitest';
import { criticalSteps, spanOf } from '../../src/domain/critical-steps.js';
import type { StepProgress } from '../../src/domain/progress.js';

const second = 1_000;

/** @param times beginning and end in seconds */
const step = (name: string, needs: string[], ...times: number[]): StepProgress => {
  const [startedAt, endedAt] = times.map((time) => time * second);
  return {
    name,
    kind: 'release',
    title: name,
    needs,
    state: 'done',
    ...(startedAt !== undefined && { startedAt }),
    ...(endedAt !== undefined && { endedAt }),
  };
};
const names = (steps: readonly StepProgress[], now = 100): string[] =>
  criticalSteps(steps, now * second).map(({ name }) => name);

describe('the critical path of a run', () => {
  it('goes from the last step back through the needs that ended last', () => {
    const steps = [
      step('cluster', [], 0, 10),
      step('quick', ['cluster'], 10, 11),
      step('slow', ['cluster'], 10.1, 30),
      step('proof', ['cluster', 'quick', 'slow'], 30.2, 32),
    ];
    expect(names(steps)).toEqual(['cluster', 'slow', 'proof']);
    expect(spanOf(criticalSteps(steps, 0), 0)).toBe(32 * second);
  });

  it('counts what still runs up to now', () => {
    const steps = [
      step('cluster', [], 0, 10),
      step('ended', ['cluster'], 10, 15),
      step('runs', ['cluster'], 10),
    ];
    expect(names(steps)).toEqual(['cluster', 'runs']);
    expect(spanOf(steps, 20 * second)).toBe(20 * second);
  });

  it('ends where a person was waited for: at a decision, at a verification hours later', () => {
    expect(names([step('cluster', [], 0, 10), step('retried', ['cluster'], 60, 70)])).toEqual(['retried']);
  });

  it('is empty before anything has run', () => {
    expect(names([step('cluster', [])])).toEqual([]);
    expect(spanOf([], 0)).toBe(0);
  });
});
