import { formatDuration } from '../../domain/duration.js';
import type { Phase, StepProgress, StepState } from '../../domain/progress.js';
import type { LiveStep } from '../follow.js';
import type { PaintStyle } from './format.js';
import { printable } from './text-width.js';

interface Mark {
  readonly symbol: string;
  readonly style: PaintStyle;
}

/** One symbol and one colour a state, the same in every view; told apart without colours too. */
export const stepMarks = {
  pending: { symbol: '·', style: 'dim' },
  running: { symbol: '…', style: 'cyan' },
  done: { symbol: '✓', style: 'green' },
  blocked: { symbol: '✗', style: 'red' },
  failed: { symbol: '✗', style: 'red' },
  skipped: { symbol: '–', style: 'yellow' },
  cancelled: { symbol: '–', style: 'yellow' },
  removing: { symbol: '…', style: 'cyan' },
  removed: { symbol: '✓', style: 'green' },
} as const satisfies Record<StepState, Mark>;

/** Of the name of a phase. */
export const phaseStyles = {
  Provisioning: 'cyan',
  Queued: 'yellow',
  Blocked: 'red',
  Ready: 'green',
  Verifying: 'cyan',
  Upgrading: 'cyan',
  Stopped: 'yellow',
  TearingDown: 'cyan',
  Removed: 'green',
} as const satisfies Record<Phase, PaintStyle>;

const spinner = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/** In milliseconds: as often as it is drawn. */
const spinnerStepMs = 250;

/** The sign of a step that runs, at this moment. */
export function spinnerAt(now: number): string {
  return spinner.charAt(Math.floor(now / spinnerStepMs) % spinner.length);
}

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
