import { formatDuration, formatMs } from '../../domain/duration.js';
import { type Check, type CheckName, checkTitles, type Proof } from '../../domain/proof.js';
import type { Paint } from './format.js';
import { fit, printable, widthOf, wrap } from './text-width.js';

interface ProofViewOptions {
  readonly paint: Paint;
  /** Of the terminal. More than 100 are not used: long lines read badly. @default 80 */
  readonly columns?: number;
}

const marks = { passed: ['green', '✓'], skipped: ['yellow', '–'], failed: ['red', '✗'] } as const;
const tookColumns = 6;
/** Below this there is no room for two columns of text: then what was seen stands below what was checked. */
const wideColumns = 60;

/** The first column of the lines, which hold what they are about. */
interface Titles {
  readonly of: Readonly<Record<CheckName, string>>;
  readonly columns: number;
  /** Of what stands beside the titles. */
  readonly indent: number;
}

function titlesOf({ store }: Proof): Titles {
  const of = checkTitles(store);
  const columns = Math.max(...Object.values(of).map(widthOf)) + 2;
  return { of, columns, indent: 4 + columns };
}

/** What was checked and seen, for a terminal: one or more lines a check, then the trace in numbers. */
export function proofLines(proof: Proof, { paint, columns = 80 }: ProofViewOptions): string[] {
  const width = Math.min(Math.max(columns, 40), 100);
  const titles = titlesOf(proof);
  return [
    ...summary(proof, width, paint),
    '',
    ...proof.checks.flatMap((check) => checkLines(check, titles, width, paint)),
    '',
    ...fact('Spans', spansText(proof), titles, width, paint),
    ...fact('Longest', longestText(proof), titles, width, paint),
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

function checkLines(
  { name, state, detail, reason, tookMs }: Check,
  titles: Titles,
  width: number,
  paint: Paint,
): string[] {
  const [style, mark] = marks[state];
  const skipped = state === 'skipped';
  const text = printable(skipped ? `skipped: ${reason ?? detail}` : (reason ?? detail));
  const took = skipped ? '' : formatDuration(tookMs).padStart(tookColumns);
  const title = `  ${paint(style, mark)} ${fit(titles.of[name], titles.columns)}`;
  const dimmed = (line: string): string => (skipped ? paint('dim', line) : line);
  if (width < wideColumns) {
    return [
      `${title}${paint('dim', took)}`.trimEnd(),
      ...wrap(text, width - 4).map((line) => `    ${dimmed(line)}`),
    ];
  }
  const room = width - titles.indent - tookColumns - 1;
  return wrap(text, room).map((line, index) => {
    const gap = ' '.repeat(Math.max(1, room + 1 - widthOf(line)));
    return index > 0
      ? ' '.repeat(titles.indent) + dimmed(line)
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

function fact(title: string, text: string, titles: Titles, width: number, paint: Paint): string[] {
  if (width < wideColumns)
    return [`    ${paint('dim', title)}`, ...wrap(text, width - 4).map((line) => `    ${line}`)];
  const [first = '', ...more] = wrap(text, width - titles.indent);
  return [
    `    ${paint('dim', fit(title, titles.columns))}${first}`,
    ...more.map((line) => ' '.repeat(titles.indent) + line),
  ];
}
