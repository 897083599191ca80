import { formatDuration } from '../domain/duration.js';
import type { StepProgress, StepState } from '../domain/progress.js';
import type { CliContext } from './context.js';
import { failureLines } from './errors.js';
import type { LiveStep } from './follow.js';
import { stepMarks } from './step-marks.js';
import { activityText, attemptText, isRunning, outcomeText, tookText } from './step-text.js';
import type { View } from './watch.js';

/** What was last told of a running step. */
interface Told {
  /** What is told, but for seconds that are counted down. */
  readonly subject: string;
  readonly percent: number | undefined;
  readonly at: number;
}

/** A step that keeps changing its text gets a line at most so often, in milliseconds. */
const quietMs = 5_000;
/** With a percentage that moves, the texts change with every package that is compiled: then only every so many points … */
const percentStep = 5;
/** … or after so long, in milliseconds. */
const percentQuietMs = 30_000;

/** One line for each event: for pipes, logs and CI. @param clock milliseconds since the epoch */
export function createPlainView(
  { print, paint }: Pick<CliContext, 'print' | 'paint'>,
  clock: () => number = Date.now,
): View {
  const started = clock();
  const states = new Map<string, StepState>();
  const told = new Map<string, Told>();
  let width = 0;
  let wasPaused = false;

  const time = (): string => paint('dim', formatDuration(clock() - started).padStart(11));

  const line = (step: StepProgress, text: string): void => {
    const { style, symbol } = stepMarks[step.state];
    print(`${time()} ${paint(style, symbol)} ${step.name.padEnd(width)}  ${text}`);
  };

  const showPause = (isPaused: boolean): void => {
    if (isPaused !== wasPaused)
      print(
        `${time()}   ${isPaused ? 'paused: what runs goes on, nothing new starts until `tracewright resume`' : 'resumed'}`,
      );
    wasPaused = isPaused;
  };

  const showState = (step: StepProgress): void => {
    if (states.get(step.name) === step.state) return;
    const first = !states.has(step.name);
    states.set(step.name, step.state);
    told.delete(step.name);
    if (step.state === 'pending' || isRunning(step) || (first && isOld(step, started))) return;
    line(step, [outcomeText(step), tookText(step)].filter((text) => text !== '').join(', '));
    if (step.failure && (step.state === 'blocked' || step.state === 'failed'))
      failureLines(step.failure, paint).forEach(print);
  };

  const showLive = (step: StepProgress, live: LiveStep | undefined): void => {
    if (!live || !isRunning(step)) return;
    const now = clock();
    const attempt = attemptText(live);
    const activity = activityText(live, now);
    const text = `${activity}${attempt === undefined ? '' : ` (${attempt})`}`;
    const next: Told = { subject: subjectOf(live, activity), percent: live.percent, at: now };
    if (!isNews(told.get(step.name), next)) return;
    told.set(step.name, next);
    const percent = live.percent === undefined ? '' : `${String(Math.floor(live.percent)).padStart(3)} % `;
    line(step, paint('dim', percent + text));
  };

  return {
    show: ({ progress, live }) => {
      width = Math.max(...progress.steps.map(({ name }) => name.length));
      for (const step of progress.steps) {
        showState(step);
        showLive(step, live.get(step.name));
      }
      showPause(progress.paused === true);
    },
    end: () => undefined,
  };
}

function isNews(last: Told | undefined, next: Told): boolean {
  if (!last) return true;
  const quiet = next.at - last.at;
  const isNew = last.subject !== next.subject;
  if (last.percent === undefined || next.percent === undefined)
    return isNew && (quiet >= quietMs || last.percent !== next.percent);
  return isNew || next.percent >= last.percent + percentStep || quiet >= percentQuietMs;
}

function subjectOf({ attempt, percent, nextAttemptAt }: LiveStep, activity: string): string {
  if (nextAttemptAt !== undefined) return `waits for attempt ${String(attempt)}`;
  // `building kube` of `building kube: k8s.io/api/core/v1`.
  const text = percent === undefined ? activity : (activity.split(': ', 1)[0] ?? '');
  return `${String(attempt)} ${text}`;
}

/** It ended before we began to look: no event for us. */
function isOld(step: StepProgress, since: number): boolean {
  return (
    step.endedAt !== undefined && step.endedAt < since && step.state !== 'blocked' && step.state !== 'failed'
  );
}
