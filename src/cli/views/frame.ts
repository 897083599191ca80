import { criticalSteps, spanOf, tookOf } from '../../domain/critical-steps.js';
import { countOf, formatDuration } from '../../domain/duration.js';
import { type Progress, type StepProgress, waitText } from '../../domain/progress.js';
import { failureLines } from '../errors.js';
import type { LiveStep, Snapshot } from '../follow.js';
import type { Paint } from './format.js';
import { progressBar } from './progress-notes.js';
import {
  activityText,
  attemptText,
  isRunning,
  outcomeText,
  phaseStyles,
  spinnerAt,
  stepMarks,
} from './step-text.js';
import { fit, fitPainted, type Piece, printable, shorten, widthOf, wrap } from './text-width.js';

export interface FrameOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Of the terminal. More than 100 are not used; fewer than 24 are taken as 24. */
  readonly columns: number;
  /** At most so many lines. @default all that there is to say */
  readonly rows?: number;
  /** At most so many lines for why steps did not work; their evidence is cut for it. @default all of the evidence */
  readonly failureRows?: number | undefined;
  readonly paint: Paint;
  /** It will be drawn again: with signs that move, and how to leave. */
  readonly moving: boolean;
}

/** What a frame is drawn with. */
interface Canvas extends FrameOptions {
  readonly width: number;
  /** Below it there is no room for a text beside a name. */
  readonly isWide: boolean;
  readonly nameColumns: number;
  readonly tookColumns: number;
}

const wideColumns = 60;

/** An environment at one moment: a line a step, each at most `columns` wide. */
export function frame({ progress, live }: Snapshot, options: FrameOptions): string[] {
  const canvas = canvasOf(progress, options);
  const steps = progress.steps.map((step) => stepBlock(step, live.get(step.name), progress, canvas));
  const blocks: Block[] = [
    { kind: 'head', lines: [head(progress, canvas)] },
    ...steps,
    { kind: 'foot', lines: foot(progress, canvas) },
  ];
  return foldToHeight(blocks, options.rows ?? Infinity, options.paint).map((line) => line.trimEnd());
}

function canvasOf({ steps }: Progress, options: FrameOptions): Canvas {
  const width = Math.min(100, Math.max(24, options.columns));
  const isWide = width >= wideColumns;
  const longest = Math.max(0, ...steps.map(({ name }) => widthOf(name)));
  const took = steps.map((step) => durationText(tookOf(step, options.now)).length);
  return {
    ...options,
    width,
    isWide,
    nameColumns: Math.min(longest, isWide ? 26 : width - 16),
    tookColumns: Math.max(6, ...took),
  };
}

function head(progress: Progress, { width, paint, now }: Canvas): string {
  const { environment, phase, stack, target, paused } = progress;
  const chain = progress.phase === 'TearingDown' ? progress.steps : criticalSteps(progress.steps, now);
  const elapsed = formatDuration(spanOf(chain.filter(isOfThisRun(progress)), now));
  const pieces: Piece[] = [
    { text: environment, style: 'bold' },
    { text: '  ' },
    { text: phase, style: phaseStyles[phase] },
    ...(paused ? [{ text: ', paused', style: 'yellow' as const }] : []),
    { text: `  stack ${stack}, target ${target}`, style: 'dim' },
  ];
  return `${fitPainted(pieces, width - elapsed.length - 1, paint)} ${paint('dim', elapsed)}`;
}

/** A teardown shows steps that it has not reached as they were after the install. */
function isOfThisRun({ phase }: Progress): (step: StepProgress) => boolean {
  return ({ state }) => phase !== 'TearingDown' || state === 'removing' || state === 'removed';
}

function stepBlock(
  step: StepProgress,
  live: LiveStep | undefined,
  progress: Progress,
  canvas: Canvas,
): Block {
  const { width, isWide, nameColumns, tookColumns, paint, now, moving } = canvas;
  const mark = stepMarks[step.state];
  const running = isRunning(step);
  const symbol = running && moving ? spinnerAt(now) : mark.symbol;
  const took = durationText(tookOf(step, now)).padStart(tookColumns);
  const title = `  ${paint(mark.style, symbol)} ${fit(step.name, nameColumns)}`;
  const textColumns = width - nameColumns - tookColumns - 7;
  const text = isWide ? `  ${textOf(step, live, progress, textColumns, canvas)}` : '';
  const gap = ' '.repeat(isWide ? 1 : Math.max(1, width - 4 - nameColumns - tookColumns));
  const kind = running || step.failure ? 'busy' : step.state === 'pending' ? 'pending' : 'ended';
  return {
    kind,
    lines: [`${title}${text}${gap}${paint('dim', took)}`, ...below(step, live, progress, canvas)],
  };
}

/** Beside the name, exactly `columns` wide. */
function textOf(
  step: StepProgress,
  live: LiveStep | undefined,
  progress: Progress,
  columns: number,
  { now, paint, isWide }: Canvas,
): string {
  if (isRunning(step)) {
    const percent = live?.percent;
    const bar = percent === undefined ? '' : `${progressBar(percent, columns >= 50 ? 20 : 10)}  `;
    return fitPainted([{ text: bar, style: 'cyan' }, { text: activityText(live, now) }], columns, paint);
  }
  if (step.state === 'pending') {
    const text = waitText(step, progress);
    return paint('dim', fit(text, columns));
  }
  const style = step.failure && isWide ? 'red' : undefined;
  const text = fit(outcomeText(step), columns);
  return style ? paint(style, text) : text;
}

/** What does not fit beside the name: in a narrow terminal what a step does now, and always why it did not work. */
function below(step: StepProgress, live: LiveStep | undefined, progress: Progress, canvas: Canvas): string[] {
  const { width, isWide, paint, moving, failureRows } = canvas;
  const room = width - 6;
  if (isRunning(step)) {
    const attempt = attemptText(live);
    return [
      ...(isWide ? [] : [`      ${textOf(step, live, progress, room, canvas)}`]),
      ...(attempt === undefined ? [] : [`      ${paint('yellow', shorten(attempt, room))}`]),
    ];
  }
  if (!step.failure || !hasFailed(step)) return [];
  if (moving) return [`      ${shorten(printable(step.failure.message), room)}`];
  const failures = progress.steps.filter(hasFailed).length;
  const rows = failureRows === undefined ? undefined : Math.floor(failureRows / failures);
  return failureLines(step.failure, paint, { columns: room, rows }).map((line) => `      ${line}`);
}

function hasFailed({ failure, state }: StepProgress): boolean {
  return failure !== undefined && (state === 'blocked' || state === 'failed');
}

function foot(progress: Progress, { moving, paint, width, now, isWide }: Canvas): string[] {
  if (moving) return ['', paint('dim', shorten(leaveText(progress, isWide), width))];
  if (progress.phase !== 'Ready') return [];
  const chain = criticalSteps(progress.steps, now);
  if (chain.length < 2) return [];
  const names = chain.map((step) => `${step.name} ${durationText(tookOf(step, now))}`).join(' → ');
  const text = `Critical path ${formatDuration(spanOf(chain, now))}: ${names}`;
  return ['', ...wrap(text, width - 2).map((line) => paint('dim', `  ${line}`))];
}

function leaveText({ phase }: Progress, isWide: boolean): string {
  const work = phase === 'TearingDown' ? 'teardown' : phase === 'Verifying' ? 'check' : 'install';
  return isWide ? `Ctrl-C leaves this view; the ${work} goes on.` : `Ctrl-C leaves; the ${work} goes on.`;
}

function durationText(ms: number | undefined): string {
  return ms === undefined ? '' : formatDuration(ms);
}

/** Lines of a frame that stay together. `busy` ones are what a person looks for. */
interface Block {
  readonly kind: 'head' | 'ended' | 'busy' | 'pending' | 'foot';
  readonly lines: readonly string[];
}

/**
 * The lines of a frame, at most `rows`. Where there is not enough room first the foot goes, then steps that have ended
 * and those that wait become one line each, then explanations below the steps; what still does not fit is cut at the
 * end.
 */
function foldToHeight(blocks: readonly Block[], rows: number, paint: Paint): string[] {
  const fold = (kind: 'ended' | 'pending', what: string) => (all: readonly Block[]) => {
    const folded = all.filter((block) => block.kind === kind);
    if (folded.length < 2) return all;
    const line = paint('dim', `  ${kind === 'ended' ? '✓' : '·'} ${countOf(folded.length, 'step')} ${what}`);
    const [first] = folded;
    return all.flatMap((block) =>
      block === first ? [{ kind, lines: [line] }] : block.kind === kind ? [] : [block],
    );
  };
  const savings: ((all: readonly Block[]) => readonly Block[])[] = [
    (all) => all.filter(({ kind }) => kind !== 'foot'),
    fold('ended', 'ended'),
    fold('pending', 'to come'),
    (all) => all.map((block) => ({ ...block, lines: block.lines.slice(0, 1) })),
  ];
  let kept = blocks;
  for (const save of savings) {
    if (linesOf(kept).length <= rows) break;
    kept = save(kept);
  }
  return linesOf(kept).slice(0, rows);
}

function linesOf(blocks: readonly Block[]): string[] {
  return blocks.flatMap(({ lines }) => [...lines]);
}
