import type { OnProgress } from '../../tools/download-progress.js';
import type { CliContext } from '../context.js';
import { Redraw } from './redraw.js';
import { fitPainted } from './text-width.js';

/**
 * Says what a command does by itself before there is an environment to draw, beside its result. What has a percentage
 * is one line with a bar that is drawn again in a terminal, and few lines elsewhere.
 * @param clock milliseconds since the epoch
 */
export function progressNotes(
  { note, paint, terminal }: Pick<CliContext, 'note' | 'paint' | 'terminal'>,
  clock: () => number = Date.now,
): OnProgress {
  const redraw = terminal && new Redraw(terminal);
  let told: Told | undefined;
  return (text, percent) => {
    if (percent !== undefined && terminal) {
      const bar = `${progressBar(percent, terminal.columns >= 50 ? 20 : 10)}  `;
      // A full last column makes some terminals break the line.
      const line = fitPainted([{ text: bar, style: 'cyan' }, { text }], terminal.columns - 1, paint);
      redraw?.draw([line.trimEnd()]);
      return;
    }
    redraw?.keep();
    const next = { subject: subjectOf(text, percent), percent, at: clock() };
    if (percent !== undefined && !isNews(told, next)) return;
    told = next;
    note(paint('dim', withPercent(text, percent)));
  };
}

/** What was last told of something that goes on. */
export interface Told {
  /** What is told, but for what changes with every look. */
  readonly subject: string;
  readonly percent: number | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What keeps changing its text gets a line at most so often, in milliseconds. */
const quietMs = 5_000;
/**
 * With a percentage that moves, the texts change with every package that is compiled: then only every so many points …
 */
const percentStep = 5;
/** … or after so long, in milliseconds. */
const percentQuietMs = 30_000;

/** Whether a log that nobody wants to be long gets another line. */
export function isNews(last: Told | undefined, next: Told): boolean {
  if (!last) return true;
  const quiet = next.at - last.at;
  const isNew = last.subject !== next.subject;
  if (last.percent === undefined || next.percent === undefined)
    return isNew && (quiet >= quietMs || last.percent !== next.percent);
  return isNew || next.percent >= last.percent + percentStep || quiet >= percentQuietMs;
}

/** `building kube` of `building kube: k8s.io/api/core/v1`, `Downloading Helm` of `Downloading Helm: 12 of 37 MB`. */
export function subjectOf(text: string, percent: number | undefined): string {
  return percent === undefined ? text : (text.split(': ', 1)[0] ?? '');
}

/** ` 41 % building kube: …`; the text alone where no percentage is known. */
export function withPercent(text: string, percent: number | undefined): string {
  return percent === undefined ? text : `${String(Math.floor(percent)).padStart(3)} % ${text}`;
}

/**
 * `████████░░░░ 41 %`: exactly `columns` + 6 columns wide.
 * @param percent 0 to 100; what lies outside is taken as the nearest
 */
export function progressBar(percent: number, columns: number): string {
  const whole = Math.min(100, Math.max(0, Math.floor(percent)));
  const full = Math.round((whole * columns) / 100);
  return `${'█'.repeat(full)}${'░'.repeat(columns - full)} ${String(whole).padStart(3)} %`;
}
