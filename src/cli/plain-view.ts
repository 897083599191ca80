import { formatDuration } from '../domain/duration.js';
import type { StepProgress, StepState } from '../domain/progress.js';
import type { CliContext } from './context.js';
import { failureLines } from './errors.js';
import type { LiveStep } from './follow.js';
import type { View } from './watch.js';

const marks = {
  pending: ' ',
  running: '…',
  done: '✓',
  blocked: '✗',
  failed: '✗',
  skipped: '–',
  cancelled: '–',
  removing: '…',
  removed: '✓',
} as const satisfies Record<StepState, string>;

/** A step that keeps changing its text gets a line at most so often. In milliseconds. */
const quietMs = 5_000;

/** One line for each event: for pipes, logs and CI. */
export function createPlainView({ print, paint }: CliContext): View {
  const started = Date.now();
  const states = new Map<string, StepState>();
  const texts = new Map<string, { text: string; at: number }>();
  let width = 0;

  const line = (step: StepProgress, mark: string, text: string): void => {
    const clock = formatDuration(Date.now() - started).padStart(11);
    print(`${paint('dim', clock)} ${mark} ${step.name.padEnd(width)}  ${text}`);
  };

  const showState = (step: StepProgress): void => {
    if (states.get(step.name) === step.state) return;
    const first = !states.has(step.name);
    states.set(step.name, step.state);
    texts.delete(step.name);
    if (step.state === 'pending' || (first && isOld(step, started))) return;
    if (step.state === 'running' || step.state === 'removing') return;
    line(step, paint(colourOf(step.state), marks[step.state]), endText(step));
    if (step.failure && (step.state === 'blocked' || step.state === 'failed'))
      failureLines(step.failure, paint).forEach(print);
  };

  const showLive = (step: StepProgress, live: LiveStep | undefined): void => {
    if (!live || (step.state !== 'running' && step.state !== 'removing')) return;
    const retry =
      live.attempt > 1
        ? ` (attempt ${String(live.attempt)}${live.lastFailure === undefined ? '' : `: ${live.lastFailure}`})`
        : '';
    const text = live.text + retry;
    const last = texts.get(step.name);
    if (text === '' || last?.text === text || (last && Date.now() - last.at < quietMs)) return;
    texts.set(step.name, { text, at: Date.now() });
    const percent = live.percent === undefined ? '' : `${String(Math.floor(live.percent)).padStart(3)} % `;
    line(step, paint('dim', marks.running), paint('dim', percent + text));
  };

  return {
    show: ({ progress, live }) => {
      width = Math.max(...progress.steps.map(({ name }) => name.length));
      for (const step of progress.steps) {
        showState(step);
        showLive(step, live.get(step.name));
      }
    },
    end: () => undefined,
  };
}

/** It ended before we began to look: no event for us. */
function isOld(step: StepProgress, since: number): boolean {
  return (
    step.endedAt !== undefined && step.endedAt < since && step.state !== 'blocked' && step.state !== 'failed'
  );
}

function endText(step: StepProgress): string {
  const took =
    step.startedAt !== undefined && step.endedAt !== undefined
      ? formatDuration(step.endedAt - step.startedAt)
      : '';
  const what = step.outcome ?? (step.failure ? step.failure.type : step.state);
  return took === '' ? what : `${what}, ${took}`;
}

function colourOf(state: StepState): 'green' | 'red' | 'yellow' {
  if (state === 'done' || state === 'removed') return 'green';
  return state === 'blocked' || state === 'failed' ? 'red' : 'yellow';
}
