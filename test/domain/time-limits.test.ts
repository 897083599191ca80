import { describe, expect, it } from 'vitest';
import { planOf } from '../../src/domain/plan.js';
import {
  attemptMs,
  deadlineIn,
  observationMs,
  serverLimitMs,
  toolGraceMs,
  usableMs,
} from '../../src/domain/time-limits.js';
import { tutorialShapedStack } from '../support/stack.js';

const minute = 60_000;
const steps = planOf(tutorialShapedStack());

describe('the deadline of an attempt', () => {
  it('gives what is left, and never less than nothing', () => {
    let now = 1_000;
    const deadline = deadlineIn(500, () => now);
    expect([deadline.leftMs(), deadline.leftMs(200)]).toEqual([500, 200]);
    now = 1_400;
    expect([deadline.leftMs(), deadline.leftMs(200)]).toEqual([100, 100]);
    now = 9_000;
    expect(deadline.leftMs(200)).toBe(0);
  });

  it.each(steps)(
    'of the step $name comes before the limit of the server, with time to end a tool',
    (step) => {
      for (const removes of [false, true]) {
        const limit = serverLimitMs(attemptMs(step, '5m', removes));
        expect(limit - usableMs(limit)).toBeGreaterThan(2 * toolGraceMs);
        expect(usableMs(limit)).toBe(attemptMs(step, '5m', removes));
      }
    },
  );

  it('leaves a component its whole time after the download of its chart', () => {
    const release = steps.find(({ kind }) => kind === 'release');
    expect(release && attemptMs(release, '90s')).toBeGreaterThanOrEqual(90_000 + 3 * minute);
  });

  it('does not make removals shorter where a component has little time to get ready', () => {
    const release = steps.find(({ kind }) => kind === 'release');
    expect(release && attemptMs(release, '10s', true)).toBe(8 * minute);
  });

  it('of a look at a component comes before the limit of the server, too', () => {
    expect(usableMs(serverLimitMs(observationMs))).toBe(observationMs);
  });

  it('leaves something where the server gives little', () => {
    expect(usableMs(minute)).toBe(minute / 2);
  });
});
