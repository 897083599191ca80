import { formatDuration } from '../domain/duration.js';
import type { StepProgress } from '../domain/progress.js';
import type { LiveStep } from './follow.js';
import { printable } from './text-width.js';

export function isRunning({ state }: StepProgress): boolean {
  return state === 'running' || state === 'removing';
}

/** What a running step does now, without its percentage. */
export function activityText(live: LiveStep | undefined, now: number): string {
  if (!live) return 'starting';
  if (live.nextAttemptAt !== undefined && live.nextAttemptAt > now)
    return `tries again in ${String(Math.ceil((live.nextAttemptAt - now) / 1_000))} s`;
  if (live.waits) return 'waits for a worker';
  return printable(live.text) || 'starting';
}

/** `attempt 2: the image cannot be pulled`; undefined in the first attempt. */
export function attemptText(live: LiveStep | undefined): string | undefined {
  if (!live || live.attempt <= 1) return undefined;
  const why = live.lastFailure === undefined ? '' : `: ${printable(live.lastFailure)}`;
  return `attempt ${String(live.attempt)}${why}`;
}

/** What became of a step that has ended: `installed, revision 1`. */
export function outcomeText(step: StepProgress): string {
  return printable(step.outcome ?? step.failure?.type ?? step.state);
}

/** `42 s`; empty for a step that has not begun. */
export function tookText({ startedAt, endedAt }: StepProgress): string {
  return startedAt === undefined || endedAt === undefined ? '' : formatDuration(endedAt - startedAt);
}
