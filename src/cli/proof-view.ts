import { formatDuration } from '../domain/duration.js';
import { checkTitles, type Check, type Proof } from '../domain/proof.js';
import type { Paint } from './paint.js';
import { fit, printable, widthOf, wrap } from './text-width.js';
import { formatMs } from './quantity.js';

export interface ProofViewOptions {
  readonly paint: Paint;
  /** Of the terminal. More than 100 are not used: long lines read badly. @default 80 */
  readonly columns?: number;
}

const marks = { passed: ['green', '✓'], skipped: ['yellow', '–'], failed: ['red', '✗'] } as const;
const titleColumns = Math.max(...Object.values(checkTitles).map(widthOf));
const tookColumns = 6;
const indent = 4 + titleColumns + 2;
/** Below this there is no room for two columns of text: then what was seen stands below what was checked. */
const wideColumns = 60;

/** What was checked and seen, for a terminal: one or more lines a check, then the trace in numbers. */
export function proofLines(proof: Proof, { paint, columns = 80 }: ProofViewOptions): string[] {
  const width = Math.min(Math.max(columns, 40), 100);
  return [
    ...summary(proof, width, paint),
    '',
    ...proof.checks.flatMap((check) => checkLines(check, width, paint)),
    '',
    ...fact('Spans', spansText(proof), width, paint),
    ...fact('Longest', longestText(proof), width, paint),
  ];
}

function summary({ traceId, checks, tookMs }: Proof, width: number, paint: Paint): string[] {
  const failed = checks.filter(({ state }) => state === 'failed').length;
  const skipped = checks.filter(({ state }) => state === 'skipped').length;
  const took = formatDuration(tookMs);
  const text =
    failed > 0
      ? `Not proved: ${String(failed)} of ${String(checks.length)} checks failed`
      : `Proved in ${took}`;
  const note = skipped > 0 ? `, ${String(skipped)} of ${String(checks.length)} checks skipped` : '';
  const [style, mark] = failed > 0 ? marks.failed : marks.passed;
  const [first = '', ...more] = wrap(text + note, width - 2);
  return [
    `${paint(style, mark)} ${paint('bold', first.slice(0, text.length))}${paint('dim', first.slice(text.length))}`,
    ...more.map((line) => `  ${paint('dim', line)}`),
    // The id stays whole, so that it can be copied.
    width < 42 ? `  ${traceId}` : `  ${paint('dim', 'trace')} ${traceId}`,
  ];
}

function checkLines({ name, state, detail, reason, tookMs }: Check, width: number, paint: Paint): string[] {
  const [style, mark] = marks[state];
  const skipped = state === 'skipped';
  const text = printable(skipped ? `skipped: ${reason ?? detail}` : (reason ?? detail));
  const took = skipped ? '' : formatDuration(tookMs).padStart(tookColumns);
  const title = `  ${paint(style, mark)} ${fit(checkTitles[name], titleColumns + 2)}`;
  const dimmed = (line: string): string => (skipped ? paint('dim', line) : line);
  if (width < wideColumns) {
    return [
      `${title}${paint('dim', took)}`.trimEnd(),
      ...wrap(text, width - 4).map((line) => `    ${dimmed(line)}`),
    ];
  }
  const room = width - indent - tookColumns - 1;
  return wrap(text, room).map((line, index) => {
    const gap = ' '.repeat(Math.max(1, room + 1 - widthOf(line)));
    return index > 0
      ? ' '.repeat(indent) + dimmed(line)
      : title + dimmed(line) + (skipped ? '' : gap + paint('dim', took));
  });
}

function spansText({ spans, services, traceDurationMs }: Proof): string {
  const list = Object.entries(services).map(([name, count]) => `${printable(name)} ${String(count)}`);
  return `${String(spans)} in ${formatMs(traceDurationMs)}: ${list.join(', ')}`;
}

function longestText({ longest }: Proof): string {
  const name = printable(`${longest.rootService} ${longest.rootName}`);
  return `${formatMs(longest.durationMs)}, ${longest.isOurs ? 'this ride' : longest.traceId}: ${name}`;
}

function fact(title: string, text: string, width: number, paint: Paint): string[] {
  if (width < wideColumns)
    return [`    ${paint('dim', title)}`, ...wrap(text, width - 4).map((line) => `    ${line}`)];
  const [first = '', ...more] = wrap(text, width - indent);
  return [
    `    ${paint('dim', fit(title, titleColumns + 2))}${first}`,
    ...more.map((line) => ' '.repeat(indent) + line),
  ];
}
