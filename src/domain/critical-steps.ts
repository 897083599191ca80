import type { StepProgress } from './progress.js';

/**
 * Steps are started by Temporal a few hundredths of a second after the one that they waited for; a pause of people is
 * longer. In milliseconds.
 */
const handOverMs = 2_000;

/**
 * What the duration of a run was made of: from the step that ended last back into the need that it waited for, as long
 * as one began when the other ended. A wait for a person ends the chain, so that it tells of the last stretch of work.
 * @param now the end of what still runs, milliseconds since the epoch
 * @returns in the order of time; empty when nothing has run
 */
export function criticalSteps(steps: readonly StepProgress[], now: number): readonly StepProgress[] {
  const chain: StepProgress[] = [];
  let current = lastOf(steps, now);
  while (current) {
    chain.unshift(current);
    const { needs, startedAt = now } = current;
    const needed = lastOf(
      steps.filter(({ name }) => needs.includes(name)),
      now,
    );
    const isHandOver = needed?.endedAt !== undefined && Math.abs(startedAt - needed.endedAt) <= handOverMs;
    current = isHandOver ? needed : undefined;
  }
  return chain;
}

/** Milliseconds that the step has run, or ran; undefined when it has not begun. */
export function tookOf({ startedAt, endedAt }: StepProgress, now: number): number | undefined {
  return startedAt === undefined ? undefined : Math.max(0, (endedAt ?? now) - startedAt);
}

/** Milliseconds from the beginning of the first of these steps to the end of the last one. */
export function spanOf(steps: readonly StepProgress[], now: number): number {
  const started = steps.flatMap(({ startedAt }) => startedAt ?? []);
  const ends = steps.flatMap(({ startedAt, endedAt }) => (startedAt === undefined ? [] : (endedAt ?? now)));
  return started.length === 0 ? 0 : Math.max(0, Math.max(...ends) - Math.min(...started));
}

function lastOf(steps: readonly StepProgress[], now: number): StepProgress | undefined {
  return steps
    .filter(({ startedAt }) => startedAt !== undefined)
    .reduce<StepProgress | undefined>(
      (last, step) => (last === undefined || (step.endedAt ?? now) > (last.endedAt ?? now) ? step : last),
      undefined,
    );
}
