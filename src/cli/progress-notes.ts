import type { OnProgress } from '../tools/download-progress.js';
import type { CliContext } from './context.js';
import { isNews, subjectOf, withPercent, type Told } from './news.js';
import { progressBar } from './progress-bar.js';
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
