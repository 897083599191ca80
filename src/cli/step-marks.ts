import type { Phase, StepState } from '../domain/progress.js';
import type { PaintStyle } from './paint.js';

export interface Mark {
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
