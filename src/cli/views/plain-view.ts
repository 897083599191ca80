import { formatDuration } from '../../domain/duration.js';
import { queueText, type Progress, type StepProgress, type StepState } from '../../domain/progress.js';
import type { CliContext } from '../context.js';
import { failureLines } from '../errors.js';
import type { LiveStep, View } from '../follow.js';
import { isNews, subjectOf, type Told, withPercent } from './progress-notes.js';
import { activityText, attemptText, isRunning, outcomeText, stepMarks, tookText } from './step-text.js';

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
  let lastPlace: number | undefined;

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

  const showPlace = ({ phase, place }: Progress): void => {
    if (phase === 'Queued' && place !== undefined && place !== lastPlace)
      print(`${time()}   ${queueText({ place })}`);
    lastPlace = place;
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
    const next: Told = { subject: subjectOfStep(live, activity), percent: live.percent, at: now };
    if (!isNews(told.get(step.name), next)) return;
    told.set(step.name, next);
    line(step, paint('dim', withPercent(text, live.percent)));
  };

  return {
    show: ({ progress, live }) => {
      showPlace(progress);
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

function subjectOfStep({ attempt, percent, nextAttemptAt }: LiveStep, activity: string): string {
  if (nextAttemptAt !== undefined) return `waits for attempt ${String(attempt)}`;
  return `${String(attempt)} ${subjectOf(activity, percent)}`;
}

/** It ended before we began to look: no event for us. */
function isOld(step: StepProgress, since: number): boolean {
  return (
    step.endedAt !== undefined && step.endedAt < since && step.state !== 'blocked' && step.state !== 'failed'
  );
}
